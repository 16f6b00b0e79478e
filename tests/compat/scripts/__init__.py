"""The well-known tutorials about MNIST of TensorFlow 1, as scripts that run under TensorFlow and under microdl."""

import runpy
import sys
from pathlib import Path
from unittest import mock

FOLDER = Path(__file__).parent
SCRIPTS = sorted(path.stem for path in FOLDER.glob("mnist_*.py"))


def losses(script, library, folder):
    """The losses of a script's steps. library: "tensorflow" or "microdl". folder: where it may write."""
    with mock.patch.object(sys, "argv", [script, library, str(folder)]):
        return [float(loss) for loss in runpy.run_path(str(FOLDER / f"{script}.py"))["losses"]]
