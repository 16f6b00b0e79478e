"""Variables: tensors whose values can be assigned."""

import copy
import weakref
from typing import Any

import numpy as np

from microdl.core import dtypes
from microdl.core.context import context
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec
from microdl.core.placement import device as placed_on, placed
from microdl.core.rows import HasRows
from microdl.core.shapes import as_shape
from microdl.core.tensor import Tensor, apply, convert, new_uid
from microdl.core.values import value_text
from microdl.core.writing import Turn, in_turn, writing


class Variable(HasRows):
    """A tensor that lives on and changes: weights, optimizer state, counters.

    Its buffer keeps its place for life. Reading gives a Tensor on that buffer without a copy; a write looks whether
    such a Tensor is still alive (a tape may hold it) and if so leaves it the old values, so Tensors never change.

    Args:
        initial_value: Tensor, number, nested lists, array, or a function without arguments that returns one of these.
        trainable: whether tapes watch it by themselves; None means yes for floating dtypes.
        name: str. dtype: DType or what ``as_dtype`` takes. shape: if given, the value must have it.
        constraint: function of the new value, which optimizers apply after each update.
    """

    regularizer = None  # function of the value: a penalty, which models add to their loss
    borrowed = False  # unlike the Tensor that ``read`` gives
    settings = 0  # how many times ``trainable`` of any Variable was set: what was traced before may be out of date

    def __init__(self, initial_value, trainable=None, name=None, dtype=None, shape=None, constraint=None):
        dtype = dtypes.as_dtype(dtype) if dtype is not None else None
        graph, context.graph = context.graph, None  # a variable made while tracing starts with a value all the same
        try:
            if callable(initial_value):
                initial_value = initial_value()
            if graph is not None:
                initial_value = graph.lifted(initial_value)
            value = convert(initial_value, dtype)
        finally:
            context.graph = graph
        if shape is not None and value.spec.shape != as_shape(shape):
            raise ValueError(
                f"Variable {name!r}: the initial value has shape {value.shape}, not the given {as_shape(shape)}"
            )
        self._array = placed(value.own_array())
        self._binders: weakref.WeakSet | None = None  # what keeps the buffer, once there is something
        self._snapshot = _nothing  # weak reference to the Tensor that the last read gave
        self.spec = Spec(value.spec.shape, value.spec.dtype)
        self.uid = new_uid()
        self.turn = Turn()  # whose it is to write, and to read from the buffer: see ``core/writing.py``
        self.trainable = value.dtype.is_floating if trainable is None else bool(trainable)
        self._name = context.scope + (name or "Variable")
        self.constraint: Any = constraint

    @property
    def name(self):
        return f"{self._name}:0"

    @property
    def trainable(self):
        """Whether tapes watch it by themselves, and optimizers of models change it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        self._trainable = value
        Variable.settings += 1

    @property
    def symbolic(self):
        return context.graph is not None and context.graph.read(self) is not None

    def read(self):
        """The present value as a Tensor, without a copy. Tapes that watch accessed variables hear of it."""
        tensor = None if context.graph is None else context.graph.read(self)
        if tensor is None:
            tensor = self._snapshot()
        if tensor is None:
            tensor = in_turn(self, self._shown)  # waits until a write has ended
        for tape in context.tapes:
            tape.variable_read(self)
        return tensor

    def _shown(self):
        """A Tensor on the buffer."""
        tensor = self._snapshot()  # another thread may have been here first
        if tensor is None:
            tensor = Tensor(self.spec, self._array, self.uid, True)
            self._snapshot = weakref.ref(tensor)
        return tensor

    def read_value(self):
        return apply("Identity", self)

    def value(self):
        return self.read_value()

    def before_write(self):
        """Leaves the old values to a Tensor that still shows them; the turn does not end before the write has."""
        tensor = self._snapshot()
        if tensor is not None:
            tensor.array = self._array.copy()
            tensor.borrowed = False
            writing.moved = object()
        self._snapshot = _nothing

    def known_array(self):
        """The buffer itself, for ops that write to it."""
        return self._array

    def bound_array(self, binder):
        """The buffer for somebody who keeps it: it stays where it is until ``binder.let_go()`` returns True."""
        return in_turn(self, self._bind, binder)  # not while ``move`` has asked everybody else

    def _bind(self, binder):
        if self._binders is None:
            self._binders = weakref.WeakSet()
        self._binders.add(binder)
        return self._array

    def move(self, device):
        """Takes the buffer to a device, if all who have bound it where it is let go. Returns whether it is there."""
        return in_turn(self, self._move, device)

    def _move(self, device):
        for binder in list(self._binders or ()):
            if not binder.let_go():
                return False
        self._binders = None
        self.before_write()  # Tensors that were read keep the old buffer's values
        self._array = device.array(self._array)
        return True

    def assign(self, value, use_locking=False, name=None, read_value=True):
        """Replaces the value. Returns this variable, or None without ``read_value``.

        Writes are always locked. Raises ValueError if shape or dtype differ.
        """
        return self._update("AssignVariableOp", value, read_value)

    def assign_add(self, delta, use_locking=False, name=None, read_value=True):
        """Adds ``delta``. Returns this variable, or None without ``read_value``."""
        return self._update("AssignAddVariableOp", delta, read_value)

    def assign_sub(self, delta, use_locking=False, name=None, read_value=True):
        """Subtracts ``delta``. Returns this variable, or None without ``read_value``."""
        return self._update("AssignSubVariableOp", delta, read_value)

    def __setitem__(self, index, value):
        raise TypeError(
            f"the elements of {self.name} cannot be assigned one by one; v.assign(...) replaces the whole value, which "
            "tf.where(condition, x, y), for example, makes"
        )

    def _update(self, op, value, read_value):
        value = convert(value, hint=self.dtype)
        if value.spec != self.spec:
            raise InvalidArgumentError(
                f"{op}: variable {self.name} has shape {self.shape} and dtype {self.dtype.name}, "
                f"the value has shape {value.shape} and dtype {value.dtype.name}"
            )
        apply(op, self, value)
        return self if read_value else None

    def numpy(self):
        """The present values as an array of one's own."""
        return self.read().numpy()

    def __dlpack__(self, **how):
        return self.read().__dlpack__(**how)  # a copy

    def __reduce__(self):  # what a pickle gives is another variable with the same value
        return Variable, (self.read().host_copy(), self.trainable, self._name, self.dtype), self._kept()

    def __copy__(self):
        """Another variable with the same value, on the same device."""
        with placed_on(self.device):
            made = Variable(self.read(), self.trainable, self._name, self.dtype)
        vars(made).update(self._kept())
        return made

    def __deepcopy__(self, memo):
        made = self.__copy__()
        vars(made).update(copy.deepcopy(self._kept(), memo))
        return made

    def _kept(self):
        return {key: self.__dict__[key] for key in ("constraint", "regularizer") if key in self.__dict__}

    def __format__(self, spec):
        return format(self.read(), spec) if spec else str(self)

    def __repr__(self):
        typed = f"shape={self.shape} dtype={self.dtype.name}"
        if self.symbolic:
            return f"<tf.Variable {self.name!r} {typed}>"
        return f"<tf.Variable {self.name!r} {typed}, numpy={value_text(self.host_array())}>"

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.read().host_copy(), dtype=dtype)


def _nothing():
    """What a weak reference to a Tensor that is gone gives."""
