"""KerasTensors: tensors in the outline of a model. Nothing runs when layers are called with them; the calls are noted.

What is known of a tensor is found by example: a call is made at once with sample sizes in the place of the unknown
ones, of which only the shape rules are run. A size that differs between the samples is unknown.
"""

from typing import Any, NamedTuple

from microdl.compile.rebuild import rebuilt
from microdl.core import dtypes, nest
from microdl.core.context import user_location
from microdl.core.deferred import Outlined, outlines
from microdl.core.op import Spec
from microdl.core.random_state import random_state
from microdl.core.samples import common_shape, without_sizes
from microdl.core.tensor import Tensor
from microdl.keras.layers.symbolic import ShapesOnly
from microdl.keras.naming import snake_case, unique_name

# Batches and other unknown sizes in four samples. The first two have many divisors: into these, sizes may be cut; with
# the third, what a crop leaves is no known size; the last stretches to any size. Windows of layers are smaller.
SAMPLES = (1260, 360), (2520, 720), (48, 48), (1, 1)
SMALL = 24  # elements: shapes, axes and sizes have no more


class History(NamedTuple):
    """Where a KerasTensor comes from."""

    operation: Any
    node_index: int
    tensor_index: int


class KerasTensor(Tensor, Outlined):
    """A tensor that has no value: layers and functions that are called with it outline a model.

    Args:
        shape: sizes, None for unknown ones, the batch axis first. dtype: of the values. name: str.
        samples: a Tensor for each of ``SAMPLES``, None where the sizes do not fit; made by default.

    >>> x = keras.Input((4,), name="x")
    >>> x
    <KerasTensor shape=(None, 4), dtype=float32, sparse=False, ragged=False, name=x>
    >>> keras.Model(x, keras.layers.Dense(2)(x) + 1.0).output_shape
    (None, 2)
    """

    __slots__ = ("_keras_history", "name", "samples")
    sparse = ragged = False

    def __init__(self, shape, dtype: Any = "float32", sparse=False, ragged=False, name=None, samples=None):
        if sparse or ragged:
            raise NotImplementedError("KerasTensor: sparse and ragged tensors are not supported, dense ones are")
        super().__init__(Spec(tuple(shape), dtypes.as_dtype(dtype)))
        self.name = name or unique_name("KerasTensor")
        self.samples = samples or [Tensor(Spec(_sized(self.spec.shape, sizes), self.spec.dtype)) for sizes in SAMPLES]
        self._keras_history: Any = None
        outlines.exist = True

    @property
    def shape(self):
        return self.spec.shape

    def noted(self, function, args, kwargs):
        return FunctionOperation(function)(*args, **kwargs)

    def _needs_value(self, purpose, instead):
        raise TypeError(
            f"{user_location()}: a KerasTensor (shape {self.shape}, name {self.name!r}) cannot {purpose}: it outlines "
            f"a model and has no value. Use {instead}, or write a Layer whose call method does what you want"
        )

    def _known_size(self, purpose):
        if self.spec.shape[0] is None:
            self._needs_value(f"take part in {purpose}, as its first size is unknown", "ops on the whole tensor")
        return self.spec.shape[0]

    def __iter__(self):
        raise TypeError(
            f"{user_location()}: iterating over a KerasTensor (shape {self.shape}, name {self.name!r}) is not "
            "possible; take parts of it with x[:, i], or with keras.ops.split and keras.ops.unstack"
        )

    def known_array(self):
        raise TypeError(
            f"{user_location()}: a KerasTensor (shape {self.shape}, name {self.name!r}) has no values, so it cannot "
            "become a NumPy array or a tensor: it outlines a model. Call layers, tf's functions or keras.ops with it, "
            "make a keras.Model(inputs, outputs), and call that with data"
        )

    def own_array(self):
        return self.known_array()

    def __reduce__(self):
        self.known_array()

    def __repr__(self):
        return (
            f"<KerasTensor shape={self.spec.shape}, dtype={self.dtype.name}, sparse=False, ragged=False, "
            f"name={self.name}>"
        )

    __str__ = __repr__


class Call:
    """A noted call of an operation: a layer, a model or a function.

    Attributes:
        operation: what was called. args, kwargs: its arguments, KerasTensors among them.
        input_tensors, output_tensors: the KerasTensors. outputs: what it returned.
    """

    def __init__(self, operation, args, kwargs, outputs):
        self.operation, self.args, self.kwargs, self.outputs = operation, args, kwargs, outputs
        self.input_tensors = tensors_in((args, kwargs))
        self.output_tensors = tensors_in(outputs)
        calls = operation._inbound_nodes = [*operation._inbound_nodes, self]
        for i, x in enumerate(self.output_tensors):
            x._keras_history = History(operation, len(calls) - 1, i)

    @property
    def parent_nodes(self):
        """The Calls that the inputs come from."""
        return [call_of(x) for x in self.input_tensors]

    def __repr__(self):
        return f"<Call of {self.operation.name}: {self.input_tensors} -> {self.output_tensors}>"


def call_of(tensor):
    """The Call that a KerasTensor is a result of."""
    return tensor._keras_history.operation._inbound_nodes[tensor._keras_history.node_index]


def tensors_in(structure):
    """The KerasTensors among the leaves of a structure."""
    return [x for x in nest.flatten(structure) if isinstance(x, KerasTensor)]


def noted(operation, args, kwargs):
    """Notes ``operation(*args, **kwargs)``. Returns what it returned, with KerasTensors."""
    inputs, results, errors = tensors_in((args, kwargs)), [], []
    batch_unknown = any(x.spec.shape[:1] == (None,) for x in inputs)
    for i, sizes in enumerate(SAMPLES):
        results.append(None)
        if all(x.samples[i] is not None for x in inputs):
            example = rebuilt((args, kwargs), lambda x, i=i: x.samples[i] if isinstance(x, KerasTensor) else x)
            drawn_from = random_state.state() if i else None
            try:
                with _Sample(batch_unknown, sizes[1]):
                    results[i] = (operation(*example[0], **example[1]),)
            except Exception as error:  # whatever a layer raises: perhaps only these sizes do not fit
                errors.append(without_sizes(error, sizes))
            if drawn_from is not None:
                random_state.restore(drawn_from)  # one call has drawn already
    found = [result for result in results if result is not None]
    if not found:
        raise errors[0] if errors else ValueError(f"{operation.name}: no sizes fit all of its inputs")
    leaves = [None if result is None else nest.flatten(result[0]) for result in results]
    outputs = [_standing_for(values) for values in zip(*_complete(leaves), strict=True)]
    call = Call(operation, args, kwargs, nest.pack_as(found[0][0], outputs))
    return call.outputs


class _Sample(ShapesOnly):
    """While entered, layers infer shapes: nothing runs, and nothing that they write to variables happens."""

    def add(self, node):
        return

    def runs_now(self, op, inputs, specs):
        """What is made of sizes is computed: it may be a size itself."""
        if op.mutates or op.stateful or op.run is None or any(spec.dtype.is_floating for spec in specs):
            return False
        return all(x.array is not None for x in inputs) and sum(spec.size for spec in specs) <= SMALL


def _complete(leaves):
    """The leaves in each sample; None for each in one that failed, or gives another number of them."""
    count = len(next(found for found in leaves if found is not None))
    return [found if found is not None and len(found) == count else [None] * count for found in leaves]


def _standing_for(values):
    """A KerasTensor with the sizes on which the samples agree; what is no Tensor stays as it is."""
    first, *others = [x for x in values if x is not None] or [None]
    if not isinstance(first, Tensor):
        return first
    shape = common_shape([first, *others]) if all(isinstance(x, Tensor) for x in others) else None
    return KerasTensor((None,) * first.ndim if shape is None else shape, first.dtype, samples=list(values))


def _sized(shape, sizes):
    batch, other = sizes
    return tuple([n if n is not None else other if axis else batch for axis, n in enumerate(shape)])


def inputs_of(operation):
    """The KerasTensors that a layer or operation was first called with; one alone as it is, else a list."""
    tensors = _first_call(operation, "input").input_tensors
    return tensors[0] if len(tensors) == 1 else tensors


def outputs_of(operation):
    """What its first call with KerasTensors gave."""
    return _first_call(operation, "output").outputs


def _first_call(operation, attribute):
    if not operation._inbound_nodes:
        raise AttributeError(
            f"{operation.name} ({type(operation).__name__}) has no {attribute} yet: it was never called with a "
            "KerasTensor, keras.Input(shape) for one"
        )
    return operation._inbound_nodes[0]


class Computed:
    """An attribute that is computed, unless the object has one of that name itself."""

    def __init__(self, compute):
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __get__(self, owner, kind=None) -> Any:
        return self if owner is None else self._compute(owner)


class Operation:
    """What is called with KerasTensors and is no layer: a function that keeps no state.

    Subclass it and define ``call``; ``compute_output_spec`` is not needed, shapes are found out.

    Args: name: str, by default the class's name in snake case, numbered from the second on.
    """

    _inbound_nodes: Any = ()

    def __init__(self, name=None):
        self.name = name or unique_name(type(self).__name__)

    def __call__(self, *args, **kwargs):
        return noted(self, args, kwargs) if tensors_in((args, kwargs)) else self.call(*args, **kwargs)

    def call(self, *args, **kwargs):
        """What the operation computes."""
        raise NotImplementedError(f"{self.name} ({type(self).__name__}) has no call method")

    input = Computed(inputs_of)
    output = Computed(outputs_of)

    def get_config(self):
        return {"name": self.name}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        return f"<Operation name={self.name}>"


# Keras's names of functions, where they are not those of the ops (or functions) that do the same here.
_KERAS_NAMES = {
    "__getitem__": "get_item", "AddV2": "add", "Sub": "subtract", "Mul": "multiply", "RealDiv": "true_divide",
    "FloorMod": "mod", "Pow": "power", "Neg": "negative", "Abs": "absolute", "BatchMatMulV2": "matmul",
    "MatMul": "matmul", "GatherV2": "take", "ConcatV2": "concatenate", "Pack": "stack", "FloorDiv": "floor_divide",
}  # fmt: skip


class FunctionOperation(Operation):
    """A function of tensors, noted because it was called with a KerasTensor.

    Args: function: ``apply``, whose first argument is an op's name, or a function of microdl's or keras.ops'.
        name: str, by default made from the function's, when it is called. options: dict of further arguments, which
            files of Keras keep with the operation.
    """

    def __init__(self, function, name=None, options=None):
        self.function, self.options = function, options or {}
        self.keras_name = getattr(function, "__name__", type(function).__name__)
        self.name = name

    def __call__(self, *args, **kwargs):
        if self.keras_name == "apply":
            self.keras_name = args[0]
        self.keras_name = _KERAS_NAMES.get(self.keras_name) or snake_case(self.keras_name)
        self.name = self.name or unique_name(self.keras_name)
        return super().__call__(*args, **kwargs)

    def call(self, *args, **kwargs):
        return self.function(*args, **self.options, **kwargs)
