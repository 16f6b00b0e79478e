"""Freezes what TensorFlow prints in ``checkpoint_script.py``. Run with a Python that has TensorFlow."""

import contextlib
import os
import tempfile
from pathlib import Path

import tensorflow as tf
from checkpoint_script import show

OUT = Path(__file__).with_name("checkpoints.txt")

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, open(OUT, "w") as file, contextlib.redirect_stdout(file):
        os.chdir(folder)
        print(f"TensorFlow {tf.__version__}")
        show(tf)
