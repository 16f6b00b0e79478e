"""Tensors, and ``apply``, the one way a new one comes to be."""

import itertools
from typing import Any

import numpy as np

from microdl.core import dtypes
from microdl.core.attributes import attribute
from microdl.core.context import context, user_location
from microdl.core.deferred import functions_by_name, outlined, outlines, reads_sizes
from microdl.core.errors import NoDeviceError, OperatorNotAllowedInGraphError
from microdl.core.exchange import Lends
from microdl.core.node import Node
from microdl.core.op import Spec, get_op
from microdl.core.placement import CPU_NAME, available, device as placed_on, device_of, on_host, the_gpu
from microdl.core.prepared import prepare, record
from microdl.core.reference import Reference
from microdl.core.running import arrays_of, run, run_undisturbed, write
from microdl.core.shapes import TensorShape
from microdl.core.values import as_array, describe, hashable_index, own_lines, shared_number, symbolic_text, type_text
from microdl.core.writing import in_turn, share_turn, writing

new_uid = itertools.count().__next__


class Operand(Lends):
    """What tensors and variables share: shape, dtype, Python's protocols, and operators by the names of their ops."""

    __slots__ = ()
    __array_priority__ = 100  # ndarray + Operand asks the Operand first
    spec: Spec

    @property
    def symbolic(self) -> bool:
        """Whether the value is known only when a graph runs."""
        raise NotImplementedError

    @property
    def shape(self):
        return TensorShape(self.spec.shape)

    @property
    def dtype(self):
        return self.spec.dtype

    @property
    def ndim(self):
        return len(self.spec.shape)

    @property
    def device(self):
        """The name of the device on which the values are; of a symbolic tensor, of the CPU."""
        return CPU_NAME if self.symbolic else device_of(self.known_array()).name

    def cpu(self, index=0):
        """The tensor in the memory of the CPU."""
        return self._moved(f"/cpu:{index}", CPU_NAME)

    def gpu(self, gpu_index=0):
        """The tensor in the memory of a GPU. Raises: RuntimeError if there is none."""
        name = f"GPU:{gpu_index}"
        if gpu_index != 0:
            raise RuntimeError(f"{name} unknown device. There is only {available()}")
        try:
            the_gpu()
        except NoDeviceError as error:
            raise RuntimeError(f"{name} unknown device. There is only {available()} ({error})") from None
        return self._moved(f"/{name}", the_gpu().name)

    def _moved(self, to, name):
        x = convert(self)
        if x.symbolic or x.device == name:
            return x
        with placed_on(to):
            return apply("Identity", x)

    def get_shape(self):
        return self.shape

    def ref(self):
        """A hashable stand-in: operands compare elementwise, so they cannot be hashed."""
        return Reference(self)

    def numpy(self) -> Any:
        raise NotImplementedError

    def known_array(self) -> Any:
        raise NotImplementedError

    def host_array(self) -> np.ndarray:
        """The values in the memory of the CPU, shared if that is where they are."""
        return on_host(self.known_array())

    def __getattr__(self, name):
        return attribute(self, name)

    def __bool__(self) -> bool:
        self._needs_value("decide an `if` or a `while`", "tf.cond(pred, true_fn, false_fn) or tf.while_loop")
        size = self.spec.size
        if size > 1:
            raise ValueError(
                f"a tensor of shape {self.shape} has {size} truth values; for a single one use tf.reduce_all(x) "
                "(all are true) or tf.reduce_any(x) (at least one is)"
            )
        return size == 1 and bool(self.numpy())

    def _needs_value(self, purpose, instead):
        """Raises OperatorNotAllowedInGraphError if there is no value yet, because a function is being traced."""
        if self.symbolic:
            raise OperatorNotAllowedInGraphError(
                f"{user_location()}: a symbolic tensor (shape {self.shape}, {self.dtype.name}) cannot {purpose}: "
                f"Python runs once, while the function is traced, and the tensor has no value then. Use {instead}"
            )

    def __int__(self):
        self._needs_value("become a Python int", "tf.cast(x, tf.int32)")
        return int(self.numpy())

    def __float__(self):
        self._needs_value("become a Python float", "tf.cast(x, tf.float32)")
        return float(self.numpy())

    def __index__(self):
        self._needs_value("be a Python index or the end of a range", "tf.gather, tf.map_fn or tf.while_loop")
        if not self.dtype.is_integer or self.ndim:
            raise TypeError(f"only integer scalar tensors can be indices, got shape {self.shape}, {self.dtype.name}")
        return int(self.numpy())

    def __len__(self):
        if not self.ndim:
            raise TypeError("a scalar tensor has no len()")
        return self._known_size("len()")

    def __iter__(self):
        if not self.ndim:
            raise TypeError("a scalar tensor cannot be iterated over")
        return (self[i] for i in range(self._known_size("a Python loop over its rows")))

    def _known_size(self, purpose):
        """The first size. Raises OperatorNotAllowedInGraphError if it is not known yet."""
        if self.spec.shape[0] is None:
            raise OperatorNotAllowedInGraphError(
                f"{user_location()}: {purpose} needs the first size of a tensor of shape {self.shape}, which is known "
                "when the graph runs: use tf.shape(x)[0], tf.map_fn, or ops on the whole tensor"
            )
        return self.spec.shape[0]

    def __hash__(self):
        raise TypeError(f"{type(self).__name__} is unhashable (== compares elementwise); use .ref() as the key")

    def __setitem__(self, index, value):
        raise TypeError(
            "tensors are immutable: their elements cannot be assigned; make a new one, with tf.where(condition, x, y) "
            "for example, or keep values that change in a tf.Variable"
        )

    @reads_sizes
    def __getitem__(self, index):
        if isinstance(index, (Operand, np.ndarray, bool)) and (isinstance(index, bool) or index.dtype == bool):
            return functions_by_name["microdl.ops.indexing.boolean_mask"](self, index)
        entries = index if isinstance(index, tuple) else (index,)
        if context.graph is not None and any(_is_open_position(entry) for entry in entries):
            return _picked(self, entries)
        return apply("StridedSlice", self, index=hashable_index(index))

    def __add__(self, other):
        return apply("AddV2", self, other)

    def __radd__(self, other):
        return apply("AddV2", other, self)

    def __sub__(self, other):
        return apply("Sub", self, other)

    def __rsub__(self, other):
        return apply("Sub", other, self)

    def __mul__(self, other):
        return apply("Mul", self, other)

    def __rmul__(self, other):
        return apply("Mul", other, self)

    def __truediv__(self, other):
        return apply("RealDiv", *_as_floats(self, other))

    def __rtruediv__(self, other):
        return apply("RealDiv", *reversed(_as_floats(self, other)))

    def __floordiv__(self, other):
        return apply("FloorDiv", self, other)

    def __rfloordiv__(self, other):
        return apply("FloorDiv", other, self)

    def __mod__(self, other):
        return apply("FloorMod", self, other)

    def __rmod__(self, other):
        return apply("FloorMod", other, self)

    def __pow__(self, other):
        return apply("Pow", self, other)

    def __rpow__(self, other):
        return apply("Pow", other, self)

    def __matmul__(self, other):
        return apply("BatchMatMulV2", self, other, transpose_a=False, transpose_b=False)

    def __rmatmul__(self, other):
        return apply("BatchMatMulV2", other, self, transpose_a=False, transpose_b=False)

    def __neg__(self):
        return apply("Neg", self)

    def __pos__(self):
        return convert(self)

    def __abs__(self):
        return apply("Abs", self)

    def __invert__(self):
        return apply("Invert" if self.dtype.is_integer else "LogicalNot", self)

    def __and__(self, other):
        return apply("BitwiseAnd" if self.dtype.is_integer else "LogicalAnd", self, other)

    __rand__ = __and__

    def __or__(self, other):
        return apply("BitwiseOr" if self.dtype.is_integer else "LogicalOr", self, other)

    __ror__ = __or__

    def __xor__(self, other):
        return apply("BitwiseXor", self, other) if self.dtype.is_integer else (self | other) & ~(self & other)

    __rxor__ = __xor__

    def __eq__(self, other):
        return NotImplemented if other is None else apply("Equal", self, other)

    def __ne__(self, other):
        return NotImplemented if other is None else apply("NotEqual", self, other)

    def __lt__(self, other):
        return apply("Less", self, other)

    def __le__(self, other):
        return apply("LessEqual", self, other)

    def __gt__(self, other):
        return apply("Greater", self, other)

    def __ge__(self, other):
        return apply("GreaterEqual", self, other)


class Tensor(Operand):
    """An immutable array of one dtype; in a graph, where nothing has run yet, only its shape and dtype are known.

    Attributes:
        spec: shape and dtype.
        array: the values (C-contiguous), or None in a graph. For the framework; users call ``numpy()``.
        uid: what tapes know this tensor by.
        borrowed: the array is a Variable's own buffer, read without a copy (see ``Variable.read``).
    """

    __slots__ = ("__weakref__", "array", "borrowed", "spec", "uid")

    def __init__(self, spec, array=None, uid=None, borrowed=False):
        self.spec, self.array = spec, array
        self.uid = new_uid() if uid is None else uid
        self.borrowed = borrowed

    @property
    def symbolic(self):
        return self.array is None

    def numpy(self):
        """The values as an array of one's own (a NumPy scalar for shape ``()``)."""
        self._leaves_tape()
        return self.host_copy()[()]

    def known_array(self) -> Any:
        """The values, shared, as the device has them. Raises TypeError in a graph, where there are none yet."""
        if self.array is None:
            state = (
                "it is left over from a trace that has ended; a function must return what is needed outside of it"
                if context.graph is None
                else "a function is being traced, or the output shape of a layer worked out. Use ops of tf on it and "
                "return what is needed; tf.config.run_functions_eagerly(True) runs functions without tracing"
            )
            raise TypeError(
                f"a symbolic tensor of shape {self.shape} has no value until its graph runs "
                f"({user_location()}): {state}"
            )
        return self.array

    def own_array(self):
        """A copy of the values on their device, whole even if a thread writes to the variable they were read from."""
        return self._copied(lambda array: array.copy())

    def host_copy(self):
        """The same in the memory of the CPU."""
        return self._copied(lambda array: array.copy() if type(array) is np.ndarray else array.numpy())

    def _copied(self, copied):
        while True:
            array = self.known_array()
            copy = copied(array)
            if self.array is array:
                return copy

    def _leaves_tape(self):
        for tape in context.tapes:
            tape.note_exit(self)

    def __array__(self, dtype=None, copy=None):
        self._leaves_tape()
        view = self.host_copy() if self.borrowed else self.host_array().view()
        view.flags.writeable = False
        return view if dtype is None and not copy else np.array(view, dtype=dtype)

    def __copy__(self):
        return self  # immutable

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):  # a pickle holds the values; what loads it has a uid of its own
        return _unpickled, (self.host_array(), self.dtype)

    def __format__(self, spec):
        if self.array is None and not spec:
            return str(self)
        value = self.numpy()
        return format(value.item() if isinstance(value, np.generic) else value, spec)

    def __repr__(self):
        return f"<tf.Tensor: {describe(self)}>" if self.array is not None else symbolic_text(self)[0]

    def __str__(self):
        if self.array is None:
            return symbolic_text(self)[1]
        return f"tf.Tensor({own_lines(str(self.host_array()))}, {type_text(self)})"


def _unpickled(array, dtype):
    return Tensor(Spec(array.shape, dtype), array)


def apply(name, *inputs, **attrs) -> Any:
    """One op on ``inputs``: infer the outputs, run it or add it to the graph, tell the tapes.

    Returns: the output Tensor; for an op with several outputs a tuple of them.
    """
    graph = context.graph
    if graph is not None and graph.open:  # sizes may be unknown: the call waits for them
        return graph.defer(apply, (name, *inputs), attrs)
    op = get_op(name)
    key = []
    for x in inputs:
        if type(x) is not Tensor:
            if outlines.exist and (x := outlined(inputs)) is not None:
                return x.noted(apply, (name, *inputs), attrs)
            inputs = _converted(op, inputs)
            key = [x.spec for x in inputs]
            break
        key.append(x.spec)
    if attrs:
        key += attrs.items()
    try:
        prepared = op.known.get(tuple(key))
    except TypeError:  # an attribute that cannot be part of a key
        prepared = None
    if prepared is None:
        prepared = prepare(op, [x.spec for x in inputs], attrs, key)
    specs = prepared.specs
    if graph is not None and not graph.runs_now(op, inputs, specs):
        outputs = tuple(map(Tensor, specs))
        graph.add(Node(op, attrs, inputs, outputs))
    elif op.mutates:
        written = [inputs[i] for i in op.written(len(inputs))]
        share_turn(written)
        results = in_turn(written[0], write, op, written, inputs, specs, attrs, prepared)
        outputs = tuple(map(Tensor, specs, results))
    else:
        moved, arrays = writing.moved, arrays_of(inputs)
        results = run(op, arrays, inputs, specs, attrs, prepared)
        if writing.moved is not moved:
            results = run_undisturbed(op, arrays, results, inputs, specs, attrs, prepared)
        outputs = (Tensor(specs[0], results[0]),) if len(specs) == 1 else tuple(map(Tensor, specs, results))
    if context.tapes:
        record(op, attrs, inputs, outputs, prepared)
    return outputs if prepared.several else outputs[0]


def _converted(op, inputs):
    """Inputs as Tensors, Python values of the dtype that the op takes; Variables that it writes to stay Variables."""
    hint = _common_dtype(op, inputs) if op.same_dtype else None
    written = op.mutates and op.written(len(inputs))
    tensors = []
    for i, value in enumerate(inputs):
        tensors.append(value if type(value) is Tensor or (written and i in written) else convert(value, hint=hint))
    return tuple(tensors)


def _common_dtype(op, inputs):
    """That of the first tensor; of Python values that of the first, or of the first float in a list of any length."""
    for x in inputs:
        if hasattr(x, "spec"):
            return x.spec.dtype
    found = [convert(x).spec.dtype for x in (inputs if op.variadic else inputs[:1])]
    return next((dtype for dtype in found if dtype.is_floating), found[0] if found else None)


def convert(value: Any, dtype=None, hint=None) -> Tensor:
    """``value`` as a Tensor: itself, a Variable's value, or a constant made of numbers, arrays or lists of tensors.

    Args:
        dtype: DType the result must have.
        hint: DType it gets if the value's kind allows; a Python number must fit it.

    Raises:
        TypeError: if a number does not fit the dtype. ValueError: if a tensor has another one.
    """
    if isinstance(value, Tensor):
        tensor = value
    elif isinstance(hint, np.dtype):  # of an array beside the value
        return convert(value, dtype, dtypes.as_dtype(hint))
    elif type(value) in (float, int) and (wanted := dtype or hint) is not None:
        return Tensor(Spec((), wanted), shared_number(value, wanted))
    elif hasattr(value, "read_value"):
        tensor = value.read()
    elif isinstance(value, (list, tuple)) and (among := _tensor_dtype(value)) is not None:
        tensor = apply("Pack", *(convert(part, dtype, among) for part in value), axis=0)
    else:
        return _constant(value, dtype, hint)
    if dtype is not None and tensor.spec.dtype is not dtype:
        raise ValueError(
            f"tensor conversion requested dtype {dtype.name} for a tensor of dtype {tensor.dtype.name}; use tf.cast"
        )
    return tensor


def _tensor_dtype(parts):
    """The dtype of the first tensor in nested lists, which the numbers beside it take; None if there is no tensor."""
    for part in parts:
        if hasattr(part, "spec"):
            return part.spec.dtype
        dtype = _tensor_dtype(part) if isinstance(part, (list, tuple)) else None
        if dtype is not None:
            return dtype
    return None


def _constant(value, dtype, hint):
    try:
        array = as_array(value, hint if dtype is None else dtype)
    except TypeError:
        if dtype is not None or hint is None or not isinstance(value, np.ndarray):
            raise
        array = as_array(value)  # an array keeps its own dtype where the hint's would lose something
    return Tensor(Spec(array.shape, dtypes.as_dtype(array.dtype)), array)


def _is_open_position(entry):
    """Whether an entry of an index is an integer that is known only when the graph runs."""
    return isinstance(entry, Operand) and entry.symbolic and entry.dtype.is_integer and not entry.ndim


def _picked(x, entries):
    """``x[entries]`` where some entries are positions that are known only when the graph runs."""
    known = [slice(None) if _is_open_position(entry) else entry for entry in entries]
    result = apply("StridedSlice", x, index=hashable_index(tuple(known)))
    axis = 0  # of the result, that the next entry belongs to
    for k, entry in enumerate(entries):
        if entry is Ellipsis:  # what follows is counted from the end
            axis = result.ndim - sum(other is None or isinstance(other, (slice, Operand)) for other in entries[k + 1 :])
        elif _is_open_position(entry):
            position = convert(entry)
            size = convert(result.spec.shape[axis], position.dtype)
            position = position + apply("Cast", position < 0, dtype=position.dtype) * size
            result = apply("GatherV2", result, position, axis=axis)
        elif entry is None or isinstance(entry, slice):
            axis += 1
    return result


def _as_floats(a, b):
    """Operands of a true division: integers become float64 first, as in TensorFlow."""
    if not a.dtype.is_integer:
        return a, b
    a, b = convert(a), convert(b, hint=a.dtype)
    if a.dtype is not b.dtype:
        return a, b  # RealDiv refuses the mixture
    to = dtypes.float32 if a.dtype.size <= 2 else dtypes.float64
    return apply("Cast", a, dtype=to), apply("Cast", b, dtype=to)


def is_tensor(x):
    """Whether ``x`` is a Tensor or a Variable."""
    return isinstance(x, Operand)
