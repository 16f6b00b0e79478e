"""Functional models as plain values, in Keras 3's form, and back; and copies of them.

The configuration lists layers and operations in the order of ``Network.operations``, each with the calls that were
noted of it; a KerasTensor among the arguments is named by the call that it comes from: [name, call, output].
"""

import importlib
import inspect
from typing import Any

from microdl.core.deferred import functions_by_name
from microdl.core.dtypes import DType, as_dtype
from microdl.core.tensor import apply
from microdl.keras import ops
from microdl.keras.layers.base import Layer
from microdl.keras.layers.core import InputLayer
from microdl.keras.layers.keras_tensor import FunctionOperation, KerasTensor, tensors_in
from microdl.keras.layers.nested import map_nested
from microdl.keras.naming import camel_case, snake_case
from microdl.keras.persistence.serialization import deserialize_keras_object, serialize_keras_object

_OPS = ("keras.ops", "keras.src.ops")  # modules of functions: ours, and as Keras names them


def network_config(model):
    """What ``from_config`` needs to make a functional model again."""
    network = model._network
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": [_described(network, operation) for operation in network.operations],
        "input_layers": map_nested(lambda x: list(network.place(x)), network.inputs_structure),
        "output_layers": map_nested(lambda x: _end(network, x), network.outputs_structure),
    }


def _end(network, x):
    """The place of an output. Here, and only here, Keras counts the making of a functional model as its first call."""
    name, call, output = network.place(x)
    return [name, call + _is_functional(x._keras_history.operation), output]


def _is_functional(operation):
    return getattr(operation, "_network", None) is not None


def _described(network, operation):
    describe = _function if isinstance(operation, FunctionOperation) else serialize_keras_object
    described = describe(operation)
    calls = [] if isinstance(operation, InputLayer) else network.calls_of(operation)
    described["name"] = operation.name
    described["inbound_nodes"] = [
        {"args": [_encoded(network, x) for x in call.args], "kwargs": _encoded(network, call.kwargs)} for call in calls
    ]
    return described


def _function(operation):
    """A function by its name: keras.ops', an op's, or that of one of microdl's functions."""
    config = {"name": operation.name, **operation.options}
    function, name = operation.function, getattr(operation.function, "__name__", "")
    if getattr(ops, name, None) is not function:
        config["function"] = "op" if function is apply else f"{function.__module__}.{function.__qualname__}"
        if function is not apply and functions_by_name.get(config["function"]) is not function:
            raise ValueError(f"{operation.name}: the function {config['function']} cannot be saved; use a Layer")
    class_name = camel_case(operation.keras_name)
    return {"module": "keras.ops", "class_name": class_name, "config": config, "registered_name": None}


def _encoded(network, value):
    if isinstance(value, KerasTensor):
        history = {"shape": list(value.spec.shape), "dtype": value.dtype.name, "keras_history": network.place(value)}
        return {"class_name": "__keras_tensor__", "config": {**history, "keras_history": list(network.place(value))}}
    if isinstance(value, slice):
        ends = {"start": value.start, "stop": value.stop, "step": value.step}
        return {"class_name": "__slice__", "config": {end: _encoded(network, x) for end, x in ends.items()}}
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, DType):
        return {"class_name": "__dtype__", "config": value.name}
    if isinstance(value, dict):
        return {key: _encoded(network, part) for key, part in value.items()}
    if isinstance(value, tuple):
        return {"class_name": "__tuple__", "config": [_encoded(network, part) for part in value]}
    if isinstance(value, list):
        return [_encoded(network, part) for part in value]
    if hasattr(value, "read_value"):
        raise ValueError(f"variable {value.name} is an argument of a call, so the model cannot be saved; use a Layer")
    return serialize_keras_object(value)


def network_from_config(make, config, custom_objects=None):
    """The model that ``network_config`` described; ``make(inputs, outputs, name=, trainable=)`` makes it."""
    made, waiting = {}, []
    for described in config["layers"]:
        operation = made[described["name"]] = _operation(described, custom_objects)
        if not isinstance(operation, InputLayer):
            waiting += [(operation, i, call) for i, call in enumerate(_calls(described["inbound_nodes"]))]
    outputs = {(name, 0, 0): x.output for name, x in made.items() if isinstance(x, InputLayer)}
    while waiting:
        left = []
        for operation, i, call in waiting:
            needed = _tensors_named(call)
            earlier = any(operation is other and j < i for other, j, _ in left)
            if earlier or any(place not in outputs for place in needed):
                left.append((operation, i, call))
                continue
            args, kwargs = _decoded(list(call), outputs, custom_objects)
            for k, x in enumerate(tensors_in(operation(*args, **kwargs))):
                outputs[operation.name, i, k] = x
        if len(left) == len(waiting):
            missing = sorted(
                {place[0] for _, _, call in left for place in _tensors_named(call) if place not in outputs}
            )
            raise ValueError(f"from_config: the calls of {missing}, from which other calls take tensors, are missing")
        waiting = left
    functional = {name for name, operation in made.items() if _is_functional(operation)}
    ends = [_ends(config[key], outputs, functional) for key in ("input_layers", "output_layers")]
    return make(*ends, name=config.get("name"), trainable=config.get("trainable", True))


def _operation(described, custom_objects):
    """The layer or operation, as yet without calls."""
    module = described.get("module") or ""
    if not module.startswith(_OPS):
        return deserialize_keras_object(described, custom_objects)
    name = described["config"].get("function")
    if name is None:
        function = vars(ops).get(snake_case(described["class_name"]))
        if not inspect.isfunction(function):
            raise ValueError(f"from_config: keras.ops has no {snake_case(described['class_name'])!r} in microdl")
    elif name == "op":
        function = apply
    elif name.startswith("microdl."):
        importlib.import_module(name.rpartition(".")[0]) if name not in functions_by_name else None
        function = functions_by_name[name]
    else:
        raise ValueError(f"from_config: the function {name!r} is none of microdl's")
    parameters = inspect.signature(function).parameters if function is not apply else ()
    options = {key: value for key, value in described["config"].items() if key in parameters and key != "name"}
    return FunctionOperation(function, described["name"], options)


def _calls(inbound_nodes):
    """(args, kwargs) of each call; older Keras listed the inputs: [[name, call, output, kwargs], ...]."""
    for node in inbound_nodes:
        if isinstance(node, dict):
            yield node["args"], node["kwargs"]
        else:
            tensors = [_named(place[:3]) for place in ([node] if isinstance(node[0], str) else node)]
            last = node[-1] if isinstance(node[-1], dict) else node[-1][-1]
            yield [tensors[0] if len(tensors) == 1 else tensors], last if isinstance(last, dict) else {}


def _named(place):
    return {"class_name": "__keras_tensor__", "config": {"keras_history": list(place)}}


def _tensors_named(value):
    """The places of the KerasTensors in an encoded structure."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return [tuple(value["config"]["keras_history"])]
        value = value.values()
    return [place for part in value for place in _tensors_named(part)] if not isinstance(value, _PLAIN) else []


_PLAIN = (str, int, float, bool, type(None))


def _decoded(value, tensors, custom_objects) -> Any:
    if isinstance(value, list):
        return [_decoded(part, tensors, custom_objects) for part in value]
    if not isinstance(value, dict):
        return value
    kind, config = value.get("class_name"), value.get("config", {})
    if kind == "__keras_tensor__":
        return tensors[tuple(config["keras_history"])]
    if kind == "__slice__":
        return slice(*(_decoded(config[end], tensors, custom_objects) for end in ("start", "stop", "step")))
    if kind == "__ellipsis__":
        return Ellipsis
    if kind == "__dtype__":
        return as_dtype(config)
    if kind == "__tuple__":
        return tuple(_decoded(config, tensors, custom_objects))
    if kind is None:
        return {key: _decoded(part, tensors, custom_objects) for key, part in value.items()}
    return deserialize_keras_object(value, custom_objects)


def _ends(places, outputs, functional):
    """KerasTensors in the structure in which their places come; older Keras made a list even of one."""
    if isinstance(places, dict):
        return {key: _ends(part, outputs, functional) for key, part in places.items()}
    if len(places) == 3 and isinstance(places[0], str):
        name, call, output = places
        return outputs[name, call - (name in functional), output]
    return [_ends(part, outputs, functional) for part in places]


def copied(model, make, clone_function=None, inputs=None):
    """A functional model of the same calls.

    Args:
        make: as for ``network_from_config``. clone_function: function of a layer that gives the one in its place.
        inputs: KerasTensors to begin with, in the structure of the model's; new ones by default.
    """
    network = model._network
    if inputs is None:
        inputs = map_nested(_input_again, model.input)
    outputs = network.copied(tensors_in(inputs), lambda operation: _again(operation, clone_function))
    return make(inputs, outputs, name=model.name, trainable=model.trainable)


def _input_again(x):
    layer = x._keras_history.operation
    return InputLayer(batch_shape=layer.batch_shape, dtype=layer.dtype, name=layer.name).output


def _again(operation, clone_function):
    if isinstance(operation, Layer):
        return clone_function(operation) if clone_function else type(operation).from_config(operation.get_config())
    if isinstance(operation, FunctionOperation):
        return FunctionOperation(operation.function, operation.name, operation.options)
    return type(operation).from_config(operation.get_config())
