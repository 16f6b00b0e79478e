"""Writes what Keras gives for the guides' programs to ``frozen.json``: run it with TensorFlow, ``python -m``."""

import json
import os
from pathlib import Path

os.environ["COLUMNS"] = "180"  # of Keras's tables
import keras
import tensorflow as tf

from tests.keras.guides import corners, functional, sequential, subclassing, training_steps, transfer
from tests.keras.guides.common import data, give_weights, plain

if __name__ == "__main__":
    results = {"versions": {"keras": keras.__version__, "tensorflow": tf.__version__}}
    for guide in (sequential, functional, subclassing, training_steps, transfer, corners):
        for program in guide.PROGRAMS:
            keras.backend.clear_session()
            name = f"{guide.__name__.rpartition('.')[2]}.{program.__name__}"
            results[name] = plain(program(tf, keras))
    model = functional.nested(keras)
    give_weights(model, 20)
    results["described"] = {"json": model.to_json(), "y": plain(model([data(1, 3, 4), data(2, 3, 4)]))}
    path = Path(__file__).with_name("frozen.json")
    path.write_text(json.dumps(results, indent=1) + "\n")
