"""Freezes the public names of TensorFlow and Keras in ``names.json``. Run from the root with a Python that has both:

PYTHONPATH=. python tests/tensorflow/freeze_names.py
"""

import importlib
import json
import operator
import platform
from pathlib import Path

import tensorflow as tf

MODULES = (  # not raw_ops, 1462 names of kernels
    "autograph bitwise config data data.experimental debugging distribute dtypes errors experimental image",
    "initializers io linalg lookup losses math metrics nest nn optimizers quantization queue ragged random",
    "saved_model sets signal sparse strings summary sysconfig test tpu train train.experimental version",
    "keras keras.activations keras.applications keras.backend keras.callbacks keras.config keras.constraints",
    "keras.datasets keras.datasets.mnist keras.initializers keras.layers keras.losses keras.metrics keras.models",
    "keras.ops keras.ops.image keras.ops.linalg keras.ops.nn keras.ops.numpy keras.optimizers",
    "keras.optimizers.schedules keras.preprocessing keras.random keras.regularizers keras.saving keras.tree",
    "keras.utils compat.v1 compat.v1.errors compat.v1.flags compat.v1.gfile compat.v1.initializers compat.v1.io",
    "compat.v1.linalg compat.v1.logging compat.v1.losses compat.v1.math compat.v1.metrics compat.v1.nn",
    "compat.v1.random compat.v1.saved_model compat.v1.strings compat.v1.summary compat.v1.test compat.v1.train",
)

KERAS = importlib.import_module("keras")  # after TensorFlow, which it needs


def public(path):
    """The names of a module of tf's; of Keras, whose modules tf.keras loads late, also those of the package."""
    found = set()
    for root, inner in ((tf, path), (KERAS, path.removeprefix("keras").removeprefix("."))):
        try:
            listed = dir(operator.attrgetter(inner)(root) if inner else root)
        except (AttributeError, ImportError):
            continue
        if root is tf or path.startswith("keras"):
            found.update(name for name in listed if not name.startswith("_"))
    return sorted(found)


names = {module: public(module) for module in ["", *" ".join(MODULES).split()]}
versions = {"tensorflow": tf.__version__, "keras": tf.keras.__version__, "python": platform.python_version()}
lines = ",\n".join(f"{json.dumps(module)}: {json.dumps(found)}" for module, found in names.items())
path = Path(__file__).with_name("names.json")
path.write_text(f'{{"versions": {json.dumps(versions)},\n"modules": {{\n{lines}\n}}}}\n')
print(f"{sum(map(len, names.values()))} names, {len(names)} modules, {path.stat().st_size / 1024:.0f} KiB, {versions}")
