"""The profile of a training step of the MNIST CNN, all of it: table, trace, roofline, memory, the plan and its drawing.

    python perf/profile_step.py [--batch 64] [--steps 20] [--function | --eager] [--device gpu] [--out profile]

Writes step.json (https://ui.perfetto.dev opens it), roofline.png, plan.txt and plan.png into the folder ``--out``, and
prints the rest; a step on a GPU has no roofline. The step is run before until its kernels are loaded; its time is also
measured without the profile, in turns with it, which tells what profiling costs.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

ROUNDS = 6  # with the profile and without, in turns


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20, help="steps that are recorded")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--function", dest="eager", action="store_false", help="as a tf.function: the default")
    how.add_argument("--eager", action="store_true", help="as plain Python")
    parser.set_defaults(eager=False)
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--out", type=Path, default=Path("profile"), help="folder for the files")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import microdl as tf
    from microdl import warmup

    options.out.mkdir(parents=True, exist_ok=True)
    tf.random.set_seed(1)
    tf.config.set_soft_device_placement(False)  # a GPU that is not there is an error
    with tf.device(f"/{options.device}:0"):
        profile_step(tf, warmup, options)


def profile_step(tf, warmup, options):
    """Everything, for a step on the device that ``tf.device`` names."""
    model = warmup.mnist_cnn()
    step = warmup.by_tape(model) if options.eager else tf.function(warmup.by_tape(model))
    batch = tuple(map(tf.constant, warmup.batch_for(model, options.batch)))
    for _ in range(5):
        step(*batch)
    with tf.profiler.profile() as profile:
        for _ in range(options.steps):
            step(*batch)
    profile.table()
    if options.device == "gpu":
        print("bytes of the GPU's memory:", tf.config.experimental.get_memory_info("GPU:0"))
    else:
        print(profile.memory())
    files = [profile.trace(options.out / "step.json")]
    if options.device == "cpu":
        files.append(profile.roofline(options.out / "roofline.png"))
    if not options.eager:
        files.append(step.plot(options.out / "plan.png"))
        (options.out / "plan.txt").write_text(step.explain() + "\n")
        files.append(options.out / "plan.txt")
    print(cost(tf.profiler.profile, step, batch, options.steps))
    print("wrote", ", ".join(map(str, files)))


def cost(profile, step, batch, steps):
    """What a profile costs: times of a step with it and without, in turns, as a line."""
    without, within = [], []
    for _ in range(ROUNDS):
        without += timed(step, batch, steps)
        with profile():
            within += timed(step, batch, steps)
    figures = [(min(times) * 1e3, statistics.median(times) * 1e3) for times in (without, within)]
    (off, off_median), (on, on_median) = figures
    return (
        f"a step takes {off:.3f} ms (median {off_median:.3f}), with a profile {on:.3f} ({on_median:.3f}): "
        f"{100 * (on / off - 1):+.1f} % ({100 * (on_median / off_median - 1):+.1f} %)"
    )


def timed(step, batch, count):
    """Seconds of each of ``count`` steps, until the loss is there."""
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        step(*batch).numpy()
        seconds.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    main()
