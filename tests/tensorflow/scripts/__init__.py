"""TensorFlow 2's well-known tutorials, written anew from their documentation, as scripts for TensorFlow and microdl.

A script is what its reader would type, with ``import tensorflow as tf``; to run it under microdl is to put ``microdl``
in the place of ``tensorflow`` in its import lines. ``losses`` are its steps' losses, ``results`` what else it computes.
"""

import re
from pathlib import Path

from tests.tensorflow.describe import describe

FOLDER = Path(__file__).parent
FROZEN = FOLDER.with_name("scripts.json")
SCRIPTS = sorted(path.stem for path in FOLDER.glob("[!_]*.py"))


def run(script, library):
    """Runs a script in the current folder. library: "tensorflow" or "microdl". Returns (losses, described results)."""
    path = FOLDER / f"{script}.py"
    text = re.sub(r"^(import|from) tensorflow\b", rf"\1 {library}", path.read_text(), flags=re.MULTILINE)
    variables = {"__name__": "__main__", "__file__": str(path)}
    exec(compile(text, path, "exec"), variables)
    return [float(loss) for loss in variables.get("losses", ())], describe(variables["results"])
