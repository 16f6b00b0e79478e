"""Kills processes that save without a pause, at random moments, and looks whether what they saved is still there.

    python perf/kill_saving.py --kills 200

Each round forks a child that goes on from the newest checkpoint and then saves in turns: a checkpoint, a whole model
and its weights in two formats, over and over, each time with other values, until SIGKILL comes. Over a pipe it tells
what it has finished. After each kill everything must load, hold the values of one save alone, and be that new.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import microdl as tf  # noqa: E402
from microdl import keras  # noqa: E402

FILES = ("model.keras", "weights.safetensors", "weights.npz")


class Saver:
    """A model of which all weights have one value, the number of the save.

    Args: folder: Path. width: int, units of the model's layers; 256 make files of 270 kB.
    """

    def __init__(self, folder, width=256):
        self.folder = Path(folder)
        layers = [keras.layers.Dense(width), keras.layers.Dense(1)]
        self.model = keras.Sequential([keras.Input((width,)), *layers])
        self.checkpoint = tf.train.Checkpoint(model=self.model, step=tf.Variable(0))
        self.manager = tf.train.CheckpointManager(self.checkpoint, self.folder / "ckpts", max_to_keep=2)
        self.manager.restore_or_initialize()

    def set(self, step):
        """Gives all weights the value ``step``."""
        self.checkpoint.step.assign(step)
        self.model.set_weights([np.full(w.shape, step) for w in self.model.get_weights()])

    def step(self):
        """The one value of all weights. Raises ValueError if there are several."""
        values = {float(value) for w in self.model.get_weights() for value in np.unique(w)}
        if len(values) > 1:
            raise ValueError(f"values of several saves: {sorted(values)}")
        return int(values.pop())

    def save_for_ever(self, finished):
        """Saves again and again. finished: function of (what, step), called after each save."""
        step = int(self.checkpoint.step)
        while True:
            step += 1
            self.set(step)
            self.manager.save()
            finished("checkpoint", step)
            for name in FILES:
                (self.model.save if name == "model.keras" else self.model.save_weights)(self.folder / name)
                finished(name, step)

    def found(self):
        """The step of each thing that was saved: dict from what to int. Raises if something does not load."""
        found = {"checkpoint": self.step() if self.manager.latest_checkpoint else 0}
        for path in self.manager.checkpoints:
            tf.train.load_checkpoint(path)
        if found["checkpoint"] != int(self.checkpoint.step):
            raise ValueError(f"weights are of step {found['checkpoint']}, the counter is {int(self.checkpoint.step)}")
        for name in filter(lambda name: (self.folder / name).exists(), FILES):
            if name == "model.keras":
                self.model = keras.models.load_model(self.folder / name)
            else:
                self.model.load_weights(self.folder / name)
            found[name] = self.step()
        return found


def kill_often(folder, kills, longest=0.2, seed=0):
    """Kills ``kills`` children, each after at most ``longest`` seconds of saving.

    Returns: dict from what was saved to the step of the newest. Raises if anything finished is lost or damaged.
    """
    draw, latest = random.Random(seed), {}
    for number in range(kills):
        saver = Saver(folder)
        if not latest:
            saver.set(0)
        seconds = draw.uniform(0, longest)
        latest |= _killed_child(saver, seconds)
        found = Saver(folder).found()
        lost = {what: step for what, step in latest.items() if found.get(what, -1) < step}
        if lost:
            raise ValueError(f"kill {number}: finished were {lost}, there is {found}")
    return latest


def _killed_child(saver, seconds):
    """What a child of this process finished saving in ``seconds``, before it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        try:
            saver.save_for_ever(lambda what, step: os.write(writing, f"{what} {step}\n".encode()))
        finally:
            os._exit(1)
    os.close(writing)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    with open(reading) as pipe:
        lines = pipe.read().splitlines()
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise RuntimeError(f"the child ended by itself, with {status}")
    return {what: int(step) for what, step in map(str.split, lines)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        latest = kill_often(folder, options.kills, seed=options.seed)
        left = [path.name for path in Path(folder).rglob("*.tmp")]
    saves = ", ".join(f"{what} {step}" for what, step in latest.items())
    print(f"{options.kills} kills in {time.perf_counter() - start:.0f} s, nothing lost; latest: {saves}")
    print(f"{len(left)} unfinished files were left behind, which the next writers of these names remove")


if __name__ == "__main__":
    main()
