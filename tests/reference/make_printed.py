"""Writes printed.json: what Keras prints. Run where Keras is installed, with COLUMNS=80."""

import json
import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["KERAS_BACKEND"] = "3", "tensorflow"
os.environ["COLUMNS"] = "80"

import keras  # noqa: E402 (reads the environment)
from printed_script import play  # noqa: E402 (beside this file)

frozen = {"versions": {"keras": keras.__version__}, "printed": play(keras)}
Path(__file__).with_name("printed.json").write_text(json.dumps(frozen, indent=1, ensure_ascii=False) + "\n")
