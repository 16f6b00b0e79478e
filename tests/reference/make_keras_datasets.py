"""Freezes what Keras's loaders make of small files: ``python tests/reference/make_keras_datasets.py``.

Needs Keras, which nothing else here does. Writes ``keras_datasets.json`` beside itself.
"""

import json
import tempfile
from pathlib import Path

import keras
import numpy as np
from keras.src.datasets import boston_housing, cifar100, imdb, reuters
from small_datasets import CALLS, frozen, write_files

FILE = Path(__file__).with_name("keras_datasets.json")
MODULES = {"boston_housing": boston_housing, "cifar100": cifar100, "imdb": imdb, "reuters": reuters}


def main():
    folder = Path(tempfile.mkdtemp())
    write_files(folder)
    results = {"versions": {"keras": keras.__version__, "numpy": np.__version__}}
    for name, module in MODULES.items():
        module.get_file = lambda fname=None, **rest: str(folder if "cifar" in fname else folder / fname)
        results[name] = [[arguments, frozen(module.load_data(**arguments))] for arguments in CALLS[name]]
    FILE.write_text(json.dumps(results) + "\n")
    print(f"{FILE.name}: {sum(map(len, CALLS.values()))} calls, Keras {keras.__version__}")


if __name__ == "__main__":
    main()
