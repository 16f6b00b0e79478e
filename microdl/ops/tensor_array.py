"""``tf.TensorArray``: tensors of one shape that are written one by one, in loops above all, and then stacked."""

from typing import Any

import numpy as np

from microdl.core import dtypes, nest
from microdl.core.context import context, user_location
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError, OutOfRangeError
from microdl.core.op import register_op
from microdl.core.shapes import TensorShape, as_shape
from microdl.core.tensor import Operand, apply, convert


@register_op("TensorListSetItem")
class _SetItem:
    """y = stack, but y[index] = item. stack: (n, ...), item: (...), index: scalar."""

    inputs = ("stack", "index", "item")
    keeps = ("index",)
    same_dtype = False

    @staticmethod
    def infer(stack, index, item):
        return stack

    @staticmethod
    def run(kernels, stack, index, item, y):
        k, size = int(index), len(stack)
        if not 0 <= k < size:
            raise OutOfRangeError(f"TensorArray: tried to write to index {k}, but its size is {size}")
        np.copyto(y, stack)
        y[k] = item

    @staticmethod
    def gradient(node, dy):
        index, item = node.inputs[1:]
        zeros = apply("Fill", shape=tuple(item.shape), value=0, dtype=item.dtype)
        return apply("TensorListSetItem", dy, index, zeros), None, apply("GatherV2", dy, index, axis=0)

    @staticmethod
    def cost(stack, index, item):
        return 0, 2 * stack.nbytes


class TensorArray(nest.Composite):
    """An array of tensors of one dtype and, unless ``infer_shape`` is False, one shape.

    In eager code ``write`` changes the array itself; in a traced function it gives another one, so that
    ``ta = ta.write(i, x)`` works in both. In a loop over tensors its elements are parts of one tensor, of which every
    round makes a new one; where all rounds write, ``tf.map_fn`` and ``tf.scan`` cost less.

    Args:
        dtype: of the elements. size: how many there are. dynamic_size: it grows where something is written behind its
            end; not in a traced loop, unless it is ``for i in tf.range(n)`` (n known while tracing) with
            ``ta = ta.write(i, x)`` in every round.
        element_shape: of the elements; without it that of the first one.
        infer_shape: whether all elements must have one shape.
        clear_after_read, tensor_array_name, colocate_with_first_write_call, name: accepted for TensorFlow's sake.

    >>> squares = TensorArray("float32", size=3)
    >>> for i in range(3):
    ...     squares = squares.write(i, float(i * i))
    >>> squares.stack().numpy()
    array([0., 1., 4.], dtype=float32)
    """

    handle = None

    def __init__(
        self,
        dtype,
        size=None,
        dynamic_size=None,
        clear_after_read=None,
        tensor_array_name=None,
        handle=None,
        flow=None,
        infer_shape=True,
        element_shape=None,
        colocate_with_first_write_call=True,
        name=None,
    ):
        if size is None:
            raise ValueError("TensorArray: size is needed: the number of elements; 0 with dynamic_size=True")
        self._open_size = None  # a symbolic Tensor, in a graph whose sizes are not known yet
        if isinstance(size, Operand) and size.symbolic and context.graph is not None and context.graph.open:
            self._open_size, size = size, 0
        elif isinstance(size, Operand) and size.symbolic:
            raise ValueError(
                f"TensorArray ({user_location()}): its size must be known while a function is traced: a Python number "
                "or one made of shapes, not of values"
            )
        self.dtype, self.dynamic_size = dtypes.as_dtype(dtype), bool(dynamic_size)
        self._infer_shape = infer_shape
        self._shape = None if element_shape is None else as_shape(element_shape)  # None: not known yet
        if self._shape is not None and None in self._shape:
            self._shape = None
        self._items: list[Any] = [None] * int(size)  # of each index its Tensor, None for zeros
        self._stack: Any = None  # (size, ...), in the place of ``_items``

    @property
    def element_shape(self):
        """The elements' TensorShape; None if nothing was written yet."""
        return None if self._shape is None else TensorShape(self._shape)

    @reads_sizes
    def size(self, name=None):
        """The number of elements, an int32 Tensor."""
        return convert(self._size, dtypes.int32)

    @property
    def _size(self):
        return len(self._items) if self._stack is None else self._stack.spec.shape[0]

    # What loops and branches see

    def parts(self):
        if self._open_size is not None:
            return [self._open_size]
        return [] if self._shape is None else [self._stacked()]

    def with_parts(self, parts):
        if not parts:
            return self
        found, (part,) = self.identity(), parts
        if self._open_size is None:
            found._stack = part
            found._shape = tuple(part.spec.shape[1:]) if isinstance(part, Operand) else self._shape
        elif part.symbolic:
            found._open_size = part
        else:
            found._open_size, found._items = None, [None] * int(part)
        return found

    def identity(self):
        """Another one with the same elements."""
        found = object.__new__(TensorArray)
        found.__dict__.update(self.__dict__)
        found._items = list(self._items)
        return found

    def _target(self):
        """The one that a write changes."""
        return self if context.graph is None else self.identity()

    @reads_sizes
    def write(self, index, value, name=None):
        """The TensorArray with ``value`` at ``index``.

        Raises: OutOfRangeError for an index that is not there, ValueError for another shape, InvalidArgumentError for
        another dtype than those of the other elements.
        """
        value, found = self._checked(value), self._target()
        index = convert(index)
        found._shape = tuple(value.spec.shape)
        if index.symbolic:
            found._grow(self._rounds(index))
            found._stack = apply("TensorListSetItem", found._stacked(), index, value)
            return found
        k = int(index.numpy())
        if k < 0:
            raise OutOfRangeError(f"TensorArray: writing to negative indices (index {k}) is not allowed")
        if k >= self._size and not self.dynamic_size:
            raise OutOfRangeError(
                f"TensorArray: tried to write to index {k}, but it is not resizeable and its size is {self._size}"
            )
        found._grow(k + 1)
        if found._stack is None:
            found._items[k] = value
        else:
            found._stack = apply("TensorListSetItem", found._stack, index, value)
        return found

    def _checked(self, value):
        value = convert(value, hint=self.dtype)
        if value.dtype is not self.dtype:
            raise InvalidArgumentError(
                f"TensorArray: its dtype is {self.dtype.name}, but the value to be written is {value.dtype.name}"
            )
        if self._infer_shape and self._shape is not None and tuple(value.spec.shape) != tuple(self._shape):
            raise ValueError(
                f"TensorArray: incompatible shape for value ({value.shape}), expected ({TensorShape(self._shape)})"
            )
        return value

    def _rounds(self, index):
        """The size that a write to a symbolic index asks for: that of the loop that counts with it, if it grows."""
        if not self.dynamic_size:
            return self._size
        rounds = getattr(context.graph, "counters", {}).get(id(index))
        if rounds is None and not self._size:
            raise ValueError(
                f"TensorArray ({user_location()}): in a traced function it grows only in `for i in tf.range(n)` with a "
                "known n and a write to index i in every round; give it a size: tf.TensorArray(dtype, size=n)"
            )
        return max(self._size, rounds or 0)

    def _grow(self, size):
        missing = size - self._size
        if missing > 0 and self._stack is None:
            self._items += [None] * missing
        elif missing > 0:
            self._stack = apply("ConcatV2", self._stack, self._zeros(missing), axis=0)

    def _zeros(self, *sizes):
        if self._shape is None:
            raise ValueError("TensorArray: nothing was written to it, so the shape of its elements is not known")
        return apply("Fill", shape=(*sizes, *self._shape), value=0, dtype=self.dtype)

    def _stacked(self):
        if self._stack is not None:
            return self._stack
        if not any(item is not None for item in self._items):
            return self._zeros(len(self._items))
        return apply("Pack", *(self._zeros() if item is None else item for item in self._items), axis=0)

    @reads_sizes
    def read(self, index, name=None) -> Any:
        """The element at ``index``; zeros if it was never written."""
        index = convert(index)
        if index.symbolic or self._stack is not None:
            return apply("GatherV2", self._stacked(), index, axis=0)
        k = int(index.numpy())
        if not 0 <= k < self._size:
            raise OutOfRangeError(f"TensorArray: tried to read from index {k}, but its size is {self._size}")
        return self._zeros() if self._items[k] is None else self._items[k]

    @reads_sizes
    def stack(self, name=None):
        """All elements as one Tensor, (size, ...)."""
        return self._stacked()

    @reads_sizes
    def gather(self, indices, name=None):
        """The elements at ``indices`` (n,) as one Tensor, (n, ...)."""
        return apply("GatherV2", self._stacked(), convert(indices), axis=0)

    @reads_sizes
    def concat(self, name=None):
        """The elements one behind the other along their first axis."""
        if self._stack is None and all(item is not None for item in self._items) and self._items:
            return apply("ConcatV2", *self._items, axis=0)
        whole = self._stacked()
        return apply("Reshape", whole, shape=(whole.spec.shape[0] * whole.spec.shape[1], *whole.spec.shape[2:]))

    @reads_sizes
    def unstack(self, value, name=None):
        """The TensorArray with the elements of ``value``, (n, ...)."""
        value, found = convert(value, hint=self.dtype), self._target()
        if value.ndim < 1 or value.dtype is not self.dtype:
            raise InvalidArgumentError(
                f"TensorArray: unstack takes {self.dtype.name} of shape (n, ...), got {value.dtype.name}, {value.shape}"
            )
        found._stack, found._shape, found._items = value, tuple(value.spec.shape[1:]), []
        return found

    @reads_sizes
    def scatter(self, indices, value, name=None):
        """The TensorArray with ``value[k]`` at ``indices[k]``. indices: (n,), value: (n, ...)."""
        indices, value, found = convert(indices), convert(value, hint=self.dtype), self
        for k in range(indices.spec.shape[0]):
            found = found.write(indices[k], value[k])
        return found

    @reads_sizes
    def split(self, value, lengths, name=None):
        """The TensorArray with pieces of ``value`` as elements: the first lengths[0] rows, then lengths[1], ..."""
        value, found, start = convert(value, hint=self.dtype), self, 0
        for k, length in enumerate(np.asarray(lengths).tolist()):
            found = found.write(k, value[start : start + length])
            start += length
        return found

    def close(self, name=None):
        """Nothing is left to be done."""

    def __repr__(self):
        held = f"size={self._size}" if self._stack is None else f"stack={self._stack!r}"
        return f"<tf.TensorArray {held} dtype={self.dtype.name}>"
