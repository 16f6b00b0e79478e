"""Writes callbacks.json: what Keras's callbacks do over given losses. Run where Keras is installed.

A model's ``fit`` is replaced by the calls that it makes, so that the losses are chosen and everything is exact.
"""

import contextlib
import io
import json
import os
import tempfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["KERAS_BACKEND"] = "3", "tensorflow"

import keras  # noqa: E402 (reads the environment)
from callback_script import CASES, play  # noqa: E402 (beside this file)

results = []
for case in CASES:
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as printed:
        played = play(keras, case, folder)
    results.append({**played, "printed": printed.getvalue().replace(folder, "FOLDER")})
text = json.dumps({"versions": {"keras": keras.__version__}, "results": results}, indent=1)
Path(__file__).with_name("callbacks.json").write_text(text + "\n")
