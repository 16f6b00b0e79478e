"""The calls that lead from a model's inputs to its outputs, in the order in which they are made."""

from collections import Counter

from microdl.compile.rebuild import rebuilt
from microdl.core import nest
from microdl.core.tensor import Tensor, apply, convert
from microdl.keras import masks
from microdl.keras.layers.base import Layer
from microdl.keras.layers.core import InputLayer
from microdl.keras.layers.keras_tensor import KerasTensor, call_of
from microdl.keras.layers.nested import map_nested
from microdl.ops.array import expand_dims, squeeze


class Network:
    """What a functional model computes.

    Args: inputs, outputs: KerasTensors, or nested lists, tuples and dicts of them. name: str, for messages.

    Attributes:
        inputs, outputs: lists of KerasTensors. calls: the Calls, each after those that its inputs come from.
        operations: layers and operations, by depth: those farthest from the outputs first, as Keras lists them.

    Raises:
        ValueError: for what is no KerasTensor, outputs that do not come from the inputs, names that are used twice.
    """

    def __init__(self, inputs, outputs, name):
        self.name, self.inputs_structure, self.outputs_structure = name, inputs, outputs
        given, self.outputs = _checked("inputs", inputs), _checked("outputs", outputs)
        if len({id(x) for x in given}) < len(given):
            raise ValueError(f"Model: a tensor is among the inputs twice: {given}")
        self.inputs = [x if isinstance(x._keras_history.operation, InputLayer) else _input_like(x) for x in given]
        self._slots = {id(x): i for i, x in enumerate(given)}  # of a KerasTensor's value in a run
        self._slots.update({id(x): i for i, x in enumerate(self.inputs)})
        self._given_inputs = given
        self.calls, self.operations = self._ordered()
        for call in self.calls:
            for x in call.output_tensors:
                self._slots.setdefault(id(x), len(self._slots))
        self._plan = [_Step(call, self._slots) for call in self.calls]
        self._results = [self._slots[id(x)] for x in self.outputs]
        _check_names(self.operations)

    def _ordered(self):
        """The Calls and the operations, by how far they are from the outputs."""
        order, seen = [], {}  # Calls, each after its parents; ids of operations in the order in which they are reached
        waiting, done = [(x, None) for x in reversed(self.outputs)], set()
        while waiting:
            x, expanded = waiting.pop()
            if expanded is not None:
                if id(expanded) not in done:
                    done.add(id(expanded))
                    order.append(expanded)
                continue
            operation = self._source(x)
            seen.setdefault(id(operation), len(seen))
            if id(x) not in self._slots and id(call := call_of(x)) not in done:
                waiting.append((x, call))
                waiting.extend((parent, None) for parent in reversed(call.input_tensors))
        return self._by_depth(order, seen)

    def _source(self, x):
        """The layer or operation that a tensor comes from in this model."""
        if id(x) in self._slots:
            return self.inputs[self._slots[id(x)]]._keras_history.operation
        if x._keras_history is None or isinstance(x._keras_history.operation, InputLayer):
            raise ValueError(
                f"Model: the outputs need the input {x.name!r} (shape {x.shape}), which is not among the inputs "
                f"{[given.name for given in self._given_inputs]}: every path from the outputs must end in one of them"
            )
        return x._keras_history.operation

    def _by_depth(self, order, seen):
        of_calls, operations = {}, {}  # ids of Calls -> depth; ids of operations -> [depth, operation]
        for call in reversed(order):  # the outputs first
            known = operations.setdefault(id(call.operation), [0, call.operation])
            known[0] = of_calls[id(call)] = max(of_calls.get(id(call), 0), known[0])
            for x in call.input_tensors:
                if id(x) in self._slots:
                    source = self._source(x)
                    known_source = operations.setdefault(id(source), [0, source])
                    known_source[0] = max(known_source[0], known[0] + 1)
                else:
                    parent = id(call_of(x))
                    of_calls[parent] = max(of_calls.get(parent, 0), known[0] + 1)
        for x in self.inputs:  # those that no output needs
            source = x._keras_history.operation
            operations.setdefault(id(source), [0, source])
            seen.setdefault(id(source), -1)
        ranked = sorted(operations, key=lambda key: (-operations[key][0], seen[key]))
        calls = sorted(order, key=lambda call: -of_calls[id(call)])  # stable: parents stay in front
        return calls, [operations[key][1] for key in ranked]

    def __call__(self, inputs):
        """The outputs for ``inputs``, in the structure of the model's outputs."""
        values = self._values_of(inputs) + [None] * (len(self._slots) - len(self.inputs))
        for step in self._plan:
            step.run(values)
        leaves = iter([values[slot] for slot in self._results])
        return nest.pack_as(self.outputs_structure, leaves)

    def _values_of(self, inputs):
        """The value of each input, with the dtype and number of axes that it was declared with."""
        if isinstance(inputs, dict) and not isinstance(self.inputs_structure, dict):
            names = [x._keras_history.operation.name for x in self.inputs]
            self._require(names, inputs)
            leaves = [inputs[name] for name in names]
        elif isinstance(self.inputs_structure, dict) and isinstance(inputs, dict):
            self._require(self.inputs_structure, inputs)
            leaves = nest.flatten({name: inputs[name] for name in self.inputs_structure})
        else:
            leaves = nest.flatten(inputs)
        if len(leaves) != len(self.inputs):
            wanted = [f"{x.name} {x.shape}" for x in self.inputs]
            raise ValueError(
                f"model {self.name!r} expects {len(self.inputs)} inputs ({', '.join(wanted)}), got {len(leaves)}"
            )
        return [self._fitted(i, x, value) for i, (x, value) in enumerate(zip(self.inputs, leaves, strict=True))]

    def _require(self, names, inputs):
        if missing := [name for name in names if name not in inputs]:
            raise ValueError(f"model {self.name!r} lacks the inputs {missing}: got a dict with {list(inputs)}")

    def _fitted(self, i, declared, value):
        shape, dtype = declared.spec
        value = convert(value)
        x = of_rank(value, shape)
        found = x.spec.shape
        if len(found) != len(shape) or any(n is not None and m != n for m, n in zip(found[1:], shape[1:], strict=True)):
            raise ValueError(
                f"input {i} of model {self.name!r} ({declared.name}) has an incompatible shape: "
                f"expected shape={shape}, found shape={tuple(found)}"
            )
        if x.spec.dtype is not dtype:
            x = apply("Cast", x, dtype=dtype)
        if x is not value and (mask := masks.get(value)) is not None:
            masks.put(x, mask)
        return x

    def calls_of(self, operation):
        """The Calls of an operation in this model, in the order in which they were noted."""
        return [call for call in operation._inbound_nodes if call in self.calls]

    def place(self, tensor):
        """(name of the operation, which of its calls here, which of its outputs) for a KerasTensor of this model."""
        slot = self._slots[id(tensor)]
        if slot < len(self.inputs):
            return self.inputs[slot]._keras_history.operation.name, 0, 0
        operation, _, tensor_index = tensor._keras_history
        return operation.name, self.calls_of(operation).index(call_of(tensor)), tensor_index

    def copied(self, inputs, operation_of):
        """The outputs that the same calls give for other KerasTensors ``inputs``.

        Args: operation_of: function of a layer or operation that gives the one to call in its place.
        """
        values = [*inputs, *[None] * (len(self._slots) - len(inputs))]
        made = {id(x): operation_of(x) for x in self.operations if not isinstance(x, InputLayer)}
        for step in self._plan:
            step.run(values, made[id(step.operation)])
        return nest.pack_as(self.outputs_structure, [values[slot] for slot in self._results])


class _Step:
    """A Call whose KerasTensors are places in a list of values."""

    def __init__(self, call, slots):
        self.operation = call.operation
        self._args, self._kwargs = call.args, call.kwargs
        self._slots = slots
        self._outputs = [slots[id(x)] for x in call.output_tensors]
        self._shown = [isinstance(x, KerasTensor) for x in nest.flatten(call.outputs)]
        plain = len(call.args) == 1 and isinstance(call.args[0], KerasTensor) and not call.kwargs
        self._only = slots[id(call.args[0])] if plain else None  # most calls have one tensor and nothing else

    def run(self, values, operation=None):
        """Calls the operation (or another in its place) and writes what it gives to ``values``."""
        operation = self.operation if operation is None else operation
        if self._only is not None:
            outputs = operation(values[self._only])
        else:
            args, kwargs = rebuilt((self._args, self._kwargs), lambda x: self._value(x, values))
            outputs = operation(*args, **kwargs)
        if isinstance(outputs, Tensor):
            values[self._outputs[0]] = outputs
            return
        leaves = [y for y, shown in zip(nest.flatten(outputs), self._shown, strict=True) if shown]
        for slot, y in zip(self._outputs, leaves, strict=True):
            values[slot] = y

    def _value(self, x, values):
        return values[self._slots[id(x)]] if isinstance(x, KerasTensor) else x


def of_rank(x, shape):
    """``x`` with a last axis of size 1 added or taken away, if that makes it fit ``shape``: Keras's rule."""
    given = x.spec.shape
    if len(given) == len(shape) - 1 and shape[-1] == 1 and _fit(given[1:], shape[1:-1]):
        return expand_dims(x, -1)
    if len(given) == len(shape) + 1 and given[-1] == 1 and _fit(given[1:-1], shape[1:]):
        return squeeze(x, axis=-1)
    return x


def _fit(given, shape):
    return all(n is None or m == n for m, n in zip(given, shape, strict=True))


def _checked(what, structure):
    """The KerasTensors of a structure. Raises ValueError if there is anything else in it."""
    leaves = nest.flatten(structure)
    for x in leaves:
        if not isinstance(x, KerasTensor):
            hint = ", not the layer itself: call it" if isinstance(x, Layer) else ""
            raise ValueError(f"Model: all {what} must be KerasTensors{hint}; got {x!r} of type {type(x).__name__}")
    if not leaves:
        raise ValueError(f"Model: there are no {what}: {structure!r}")
    return leaves


def _input_like(x):
    return InputLayer(input_tensor=x, name=f"{x.name}_input").output


def _check_names(operations):
    for name, count in Counter(operation.name for operation in operations).items():
        if count > 1:
            raise ValueError(
                f"Model: the name {name!r} is used {count} times in the model; names of layers and operations must be "
                "unique, so give another with name="
            )


def shapes_of(structure):
    """The shapes of the KerasTensors in a structure."""
    return map_nested(lambda x: x.spec.shape, structure)
