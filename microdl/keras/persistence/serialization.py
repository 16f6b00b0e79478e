"""Objects as plain values for JSON, and back, in Keras 3's form:

    {"module": "keras.layers", "class_name": "Dense", "config": {"units": 8, ...}, "registered_name": None}

``config`` is what ``get_config`` gives, its objects turned into such dicts in their turn. Loading calls ``from_config``
of a class that is registered, given, or microdl's own: no name in a file can lead to any other code.
"""

import importlib
import inspect
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from microdl.core.constant import constant
from microdl.core.dtypes import DType
from microdl.core.shapes import TensorShape
from microdl.core.tensor import Operand
from microdl.keras.persistence.registry import CustomObjectScope, get_registered_name, get_registered_object

# Keras's modules that hold classes and functions by which models are described, in the order in which names without a
# module are looked for.
MODULES = (
    "layers", "models", "activations", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers",
    "optimizers.schedules",
)  # fmt: skip
OPS = ("microdl.nn", "microdl.math")  # functions of tensors alone, by which a layer may be given
_OWN = "microdl.keras."
_MODEL_CLASSES = ("Functional", "Model", "Sequential")  # Keras shows them without a module
_NEUTRAL = {
    "renorm_momentum": 0.99
}  # arguments of Keras's that are not here, beside None, False and {}: their defaults


def serialize_keras_object(obj) -> Any:
    """``obj`` as numbers, text, lists and dicts.

    Args:
        obj: layer, model, loss, metric, optimizer, initializer..., anything with ``get_config``; a function, of which
            the name is kept; numbers, text, arrays, tensors, and lists, tuples and dicts of them.
    Raises: ValueError for lambdas. TypeError for other objects.
    """
    if obj is None or isinstance(obj, (str, bool, int, float)):
        return obj
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, DType):
        return obj.name
    if isinstance(obj, TensorShape):
        return list(obj)
    if isinstance(obj, np.ndarray):
        return {"class_name": "__numpy__", "config": {"value": obj.tolist(), "dtype": obj.dtype.name}}
    if (history := getattr(obj, "_keras_history", None)) is not None:  # a tensor in a functional model's outline
        place = [history.operation.name, history.node_index, history.tensor_index]
        config = {"shape": list(obj.shape), "dtype": obj.dtype.name, "keras_history": place}
        return {"class_name": "__keras_tensor__", "config": config}
    if isinstance(obj, Operand):
        array = obj.numpy()
        return {"class_name": "__tensor__", "config": {"value": array.tolist(), "dtype": array.dtype.name}}
    if isinstance(obj, Mapping):
        return {str(key): serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [serialize_keras_object(part) for part in obj]
    if isinstance(obj, (types.FunctionType, types.BuiltinFunctionType)):
        return _function(obj)
    if inspect.isclass(obj):
        return {**_names(obj), "class_name": "__class__", "config": obj.__name__}
    if hasattr(obj, "get_config"):
        return _object(obj)
    raise TypeError(f"{obj!r} of type {type(obj).__name__} cannot be saved: it has no get_config method")


def _object(obj):
    serialized = {**_names(type(obj)), "config": serialize_keras_object(obj.get_config())}
    for part in ("build_config", "compile_config"):
        getter = getattr(obj, f"get_{part}", None)
        config = getter() if getter is not None else None
        if config is not None:
            serialized[part] = serialize_keras_object(config)
    return serialized


def _names(cls):
    module, name = public_module(cls), get_registered_name(cls)
    if module is None:
        return {"module": cls.__module__, "class_name": cls.__name__, "registered_name": name}
    return {"module": module, "class_name": cls.__name__, "registered_name": None if name == cls.__name__ else name}


def public_module(item):
    """Keras's module of one of microdl's classes or functions ("keras.layers"); None for those of others."""
    if not item.__module__.startswith(_OWN):
        return None
    if item.__name__ in _MODEL_CLASSES:
        return "keras.src.models.functional" if item.__name__ == "Functional" else "keras"
    path = item.__module__.removeprefix(_OWN)
    fits = [module for module in MODULES if f"{path}.".startswith(f"{module}.")]
    return f"keras.{max(fits, key=len)}" if fits else None


def _function(function):
    name = get_registered_name(function)
    if name == "<lambda>":
        raise ValueError(
            f"a lambda (of module {function.__module__!r}) cannot be saved: a file holds no code; define the function "
            "with def and decorate it with @keras.saving.register_keras_serializable()"
        )
    return {
        "module": "builtins" if public_module(function) else function.__module__,
        "class_name": "function",
        "config": function.__name__,
        "registered_name": "function" if public_module(function) else name,
    }


def deserialize_keras_object(config, custom_objects=None, safe_mode=True, module_objects=None) -> Any:
    """What ``serialize_keras_object`` described.

    Args:
        config: numbers, text, lists and dicts. custom_objects: dict from names to classes and functions of the user's.
        safe_mode: accepted for Keras's sake: code is never loaded.
        module_objects: dict from names, looked into where ``config`` names no module.

    Raises: ValueError for a class or function that is neither registered, nor given, nor microdl's own.
    """
    with CustomObjectScope(custom_objects):
        return _deserialized(config, module_objects)


def _deserialized(config, module_objects=None):
    if isinstance(config, list):
        return [_deserialized(part) for part in config]
    if not isinstance(config, dict):
        return config
    kind = config.get("class_name")
    if not isinstance(kind, str) or "config" not in config:
        return {key: _deserialized(value) for key, value in config.items()}
    inner = config["config"]
    if kind == "__numpy__":
        return np.array(inner["value"], dtype=np.dtype(inner["dtype"]))
    if kind == "__tensor__":
        return constant(inner["value"], dtype=inner["dtype"])
    if kind == "__tuple__":
        return tuple(_deserialized(list(inner)))
    if kind == "__keras_tensor__":  # its model knows which one is meant
        return config
    if kind == "DTypePolicy":
        return inner["name"]
    if kind == "function":
        return find(inner, config.get("module"), config.get("registered_name"), "function", module_objects)
    if kind == "__class__":
        return find(inner, config.get("module"), config.get("registered_name"), "class", module_objects)
    if kind == "__lambda__":
        raise ValueError("the file holds the code of a lambda, which is not loaded: no file may bring code of its own")
    found = find(kind, config.get("module"), config.get("registered_name"), "class", module_objects)
    if not hasattr(found, "from_config"):  # a function under its own name, as Keras 2 wrote it
        return found
    instance = found.from_config(_known_arguments(found, inner))
    if config.get("build_config") and hasattr(instance, "build_from_config"):
        instance.build_from_config(config["build_config"])
    if config.get("compile_config") and hasattr(instance, "compile_from_config"):
        instance.compile_from_config(_deserialized(config["compile_config"]))
    return instance


def find(name, module=None, registered_name=None, kind="class", module_objects=None) -> Any:
    """The class or function of that name.

    Args:
        module: str, Keras's ("keras.layers") or another program's, in which nothing is looked for; or None.
        registered_name: str or None. kind: for messages. module_objects: dict from names, for names without a module.
    Raises: ValueError if there is none.
    """
    for candidate in filter(None, (registered_name, name)):
        found = get_registered_object(candidate, None, module_objects)
        if found is not None:
            return found
    if module is None or module == "builtins" or module.partition(".")[0] in ("keras", "tf_keras", "tensorflow"):
        path = (module or "").partition(".")[2]
        first = [known for known in MODULES if known == path]
        for known in (*first, *MODULES):
            found = vars(importlib.import_module(_OWN + known)).get(name)
            if _is_ours(found):
                return found
        hint = "; microdl has none of that name"
    else:
        hint = ""
        for known in OPS if module.startswith("microdl.ops.") else ():
            found = vars(importlib.import_module(known)).get(name)
            if isinstance(found, types.FunctionType) and found.__module__ == module:
                return found
    raise ValueError(
        f"{kind} {name!r}{f' of module {module!r}' if module else ''} is not known{hint}; decorate it with "
        f"@keras.saving.register_keras_serializable(), or give custom_objects={{{name!r}: {name}}}"
    )


def _is_ours(found):
    described = isinstance(found, types.FunctionType) or hasattr(found, "from_config")
    return described and public_module(found) is not None


def _known_arguments(cls, config):
    """``config`` for ``from_config``: without what a file of Keras's says is not used, where it is not known here."""
    if not isinstance(config, dict):
        return config
    config = dict(config)
    if isinstance(config.get("dtype"), dict):
        config["dtype"] = _deserialized(config["dtype"])
    if "batch_input_shape" in config:  # Keras 2
        shape = config.pop("batch_input_shape")
        config |= {"batch_shape": shape} if cls.__name__ == "InputLayer" else {"input_shape": shape[1:]}
    if public_module(cls) is None or cls.__name__ in _MODEL_CLASSES:
        return config
    known = _arguments(cls)
    return {
        key: value
        for key, value in config.items()
        if key in known or not (value is None or value is False or value == {} or _NEUTRAL.get(key) == value)
    }


def _arguments(cls):
    """Names that ``cls(...)`` takes by itself or by its bases."""
    known = set()
    for base in cls.__mro__[:-1]:
        parameters = inspect.signature(base.__init__).parameters.values()
        known.update(p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL))
    return known
