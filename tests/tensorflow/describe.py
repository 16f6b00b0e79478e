"""What a case gives, as JSON: values with their dtypes and shapes, or the class of the error. Needs NumPy alone."""

import importlib
import inspect
import math
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
FROZEN = FOLDER / "frozen.json"


def cases():
    """Every function of the modules in ``cases/`` whose one argument is ``tf``, by ``module.function``."""
    found = {}
    for path in sorted((FOLDER / "cases").glob("[!_]*.py")):
        module = importlib.import_module(f"tests.tensorflow.cases.{path.stem}")
        for name, function in vars(module).items():
            if not inspect.isfunction(function) or function.__module__ != module.__name__:
                continue
            if list(inspect.signature(function).parameters) == ["tf"]:
                found[f"{path.stem}.{name}"] = function
    return found


def outcome(function, *args):
    """``describe`` of what ``function`` returns, or the names of the classes of the error that it raises."""
    try:
        return describe(function(*args))
    except Exception as error:
        return {"raises": [cls.__name__ for cls in type(error).__mro__ if issubclass(cls, Exception)]}


def describe(value):
    """``value``, which may be nested, as lists, dicts, numbers and strings."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return {"float": _number(value)}
    if isinstance(value, bytes):
        return {"bytes": value.decode("latin-1")}
    if isinstance(value, dict):
        return {"dict": {str(key): describe(part) for key, part in value.items()}}
    if type(value).__name__ == "TensorShape":
        return {"TensorShape": value.as_list()}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [describe(part) for part in value]}
    if type(value).__name__ == "DType":
        return {"DType": value.name}
    if isinstance(value, (np.ndarray, np.generic)):
        return _array("array" if isinstance(value, np.ndarray) else "scalar", value.dtype.name, np.asarray(value))
    kind = "variable" if "Variable" in type(value).__name__ else "tensor"
    return _array(kind, value.dtype.name, np.asarray(value.numpy(), object if value.dtype.name == "string" else None))


def _array(kind, dtype, array):
    return {kind: dtype, "shape": list(array.shape), "values": [_number(element) for element in array.ravel().tolist()]}


def _number(element):
    if isinstance(element, bytes):
        return element.decode("latin-1")
    return str(element) if isinstance(element, float) and not math.isfinite(element) else element
