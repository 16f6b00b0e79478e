"""What the MNIST examples need as commands: their options, and an end without a traceback."""

import argparse
import math
import signal
import sys
import tempfile
from pathlib import Path

import microdl as tf


def mnist_options(description, out=False):
    """Reads the options from the command line; anything wrong with them ends the program, with the reason.

    Args: description: str, the first line of ``--help``. out: bool, whether there is ``--out``; its folder is made.
    """
    parser = argparse.ArgumentParser(description=description)
    add = parser.add_argument
    add("--epochs", type=at_least(1), default=5, help="passes over the training images (default: 5)")
    add("--batch-size", type=at_least(1), default=64, help="images per step (default: 64)")
    add("--learning-rate", type=above_zero, default=2e-3, help="Adam's, at the start (default: 0.002)")
    add("--seed", type=int, default=42, help="decides weights and order of images (default: 42)")
    add("--threads", type=int, help="threads of the kernels (default: all cores)")
    add("--limit", type=at_least(2), help="use only the first images of each part, for a quick look")
    if out:
        add("--out", type=Path, help="folder for weights and pictures")
    options = parser.parse_args()
    if options.threads is not None:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(options.threads)
        except ValueError as error:
            parser.error(f"argument --threads: {error}")
    if out and options.out:
        try:
            options.out.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=options.out):
                pass  # better to know before the training than after it
        except OSError as error:
            parser.error(f"argument --out: {options.out} is no folder to write to ({error.strerror})")
    return options


def at_least(least):
    """A function from text to int that refuses numbers below ``least``."""

    def parse(text):
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least} and a whole number, got {text!r}")
        return int(text)

    return parse


def above_zero(text):
    """A positive float."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {text!r}")
    return number


def run(main):
    """Calls ``main``. Ctrl-C ends it with the shells' status for that, a closed pipe (``| head``) without a word."""
    if hasattr(signal, "SIGPIPE"):  # Windows has none
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
