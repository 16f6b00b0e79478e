"""The same elements under another shape, dtype or order."""

import numpy as np

from microdl.core import dtypes
from microdl.core.constant import constant
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError, UnimplementedError
from microdl.core.op import Spec, register_op
from microdl.core.shapes import TensorShape, as_shape, broadcast_shapes, normalize_axis, size_of
from microdl.core.tensor import apply, convert
from microdl.ops.broadcast import sum_to_shape
from microdl.ops.checks import constant_ints, sorted_axes


class _View:
    """Base of ops whose output shares its input's memory under another shape."""

    inputs = ("tensor",)
    view = True

    @staticmethod
    def gradient(node, dy):
        return apply("Reshape", dy, shape=tuple(node.inputs[0].shape))

    @staticmethod
    def cost(x, **attrs):
        return 0, 0


def _reshaped(own, shape):
    """``shape`` with the size worked out that -1 stands for, for the elements of a tensor of shape ``own``."""
    known, size = size_of(n for n in shape if n != -1), size_of(own)
    if shape.count(-1) > 1 or any(n < -1 for n in shape):
        raise InvalidArgumentError(f"Reshape: shape {shape} may hold sizes >= 0 and at most one -1 (work it out)")
    if -1 in shape:
        if not (known or size):  # both are empty: what is left of both without their zeros decides
            known, size = (size_of(n for n in sizes if n > 0) for sizes in (shape, own))
        if not known or size % known:
            raise InvalidArgumentError(
                f"Reshape: a tensor of shape {own} has {size_of(own)} elements, which the known sizes of {shape}, "
                f"{known} together, do not divide"
            )
        shape = tuple(size // known if n == -1 else n for n in shape)
    elif known != size_of(own):
        raise InvalidArgumentError(
            f"Reshape: a tensor of shape {own} has {size_of(own)} elements, shape {shape} needs {known}; "
            "-1 in place of one size is worked out"
        )
    return shape


@register_op("Reshape")
class _Reshape(_View):
    @staticmethod
    def infer(x, shape):
        return Spec(_reshaped(x.shape, shape), x.dtype)

    @staticmethod
    def run(kernels, x, shape):
        return x.reshape(shape if x.size else _reshaped(x.shape, shape))


@register_op("ExpandDims")
class _ExpandDims(_View):
    @staticmethod
    def infer(x, axis):
        return Spec((*x.shape[:axis], 1, *x.shape[axis:]), x.dtype)

    @staticmethod
    def run(kernels, x, axis):
        return x.reshape(*x.shape[:axis], 1, *x.shape[axis:])


@register_op("Squeeze")
class _Squeeze(_View):
    @staticmethod
    def infer(x, axis):
        for i in axis:
            if x.shape[i] != 1:
                raise InvalidArgumentError(
                    f"Squeeze: axis {i} of shape {x.shape} has size {x.shape[i]}, only axes of size 1 can be removed"
                )
        return Spec(tuple(n for i, n in enumerate(x.shape) if i not in axis), x.dtype)

    @staticmethod
    def run(kernels, x, axis):
        return x.squeeze(axis)


@register_op("Identity")
class _Identity(_View):
    @staticmethod
    def infer(x):
        return x

    @staticmethod
    def run(kernels, x):
        return x

    @staticmethod
    def gradient(node, dy):
        return dy


@register_op("StopGradient")
class _StopGradient:
    """Has no gradient: what comes before it gets none."""

    inputs = ("tensor",)
    view = True

    @staticmethod
    def infer(x):
        return x

    @staticmethod
    def run(kernels, x):
        return x

    @staticmethod
    def cost(x):
        return 0, 0


def _moved(x, *args, **attrs):
    """Cost of an op that copies its input."""
    return 0, 2 * x.nbytes


@register_op("Cast")
class _Cast:
    inputs = ("x",)

    @staticmethod
    def infer(x, dtype):
        if x.dtype.is_string or dtype.is_string:
            instead = "to_number" if x.dtype.is_string else "as_string"
            raise UnimplementedError(
                f"Cast: cast {x.dtype.name} to {dtype.name} is not supported; use tf.strings.{instead}"
            )
        return Spec(x.shape, dtype)

    @staticmethod
    def run(kernels, x, y, dtype):
        kernels.array.cast(x, y)

    @staticmethod
    def gradient(node, dy):
        source = node.inputs[0].dtype
        return apply("Cast", dy, dtype=source) if source.is_floating and dy.dtype.is_floating else None

    @staticmethod
    def cost(x, dtype):
        return x.size, x.nbytes + x.size * dtype.size


@register_op("Transpose")
class _Transpose:
    inputs = ("x",)
    cost = staticmethod(_moved)

    @staticmethod
    def infer(x, perm):
        if sorted(perm) != list(range(x.rank)):
            raise InvalidArgumentError(
                f"Transpose: perm {perm} must hold each axis of a tensor of shape {x.shape} once: 0 to {x.rank - 1}"
            )
        return Spec(tuple(x.shape[i] for i in perm), x.dtype)

    @staticmethod
    def run(kernels, x, y, perm):
        kernels.array.transpose(x, perm, y)

    @staticmethod
    def gradient(node, dy):
        perm = node.attrs["perm"]
        return apply("Transpose", dy, perm=tuple(perm.index(i) for i in range(len(perm))))


@register_op("BroadcastTo")
class _BroadcastTo:
    inputs = ("input",)

    @staticmethod
    def infer(x, shape):
        if len(x.shape) > len(shape) or broadcast_shapes("BroadcastTo", x.shape, shape) != shape:
            raise InvalidArgumentError(
                f"BroadcastTo: shape {x.shape} cannot be stretched to {shape}: from the last axis on, each size must "
                "be equal or 1"
            )
        return Spec(shape, x.dtype)

    @staticmethod
    def run(kernels, x, y, shape):
        kernels.array.broadcast_to(x, y)

    @staticmethod
    def gradient(node, dy):
        return sum_to_shape(dy, node.inputs[0].shape)

    @staticmethod
    def cost(x, shape):
        return 0, x.nbytes + size_of(shape) * x.dtype.size


@register_op("ReverseV2")
class _ReverseV2:
    inputs = ("tensor",)
    cost = staticmethod(_moved)

    @staticmethod
    def infer(x, axis):
        return x

    @staticmethod
    def run(kernels, x, y, axis):
        kernels.array.reverse(x, axis, y)

    @staticmethod
    def gradient(node, dy):
        return apply("ReverseV2", dy, axis=node.attrs["axis"])


@register_op("Roll")
class _Roll:
    inputs = ("input",)
    cost = staticmethod(_moved)

    @staticmethod
    def infer(x, shift, axis):
        return x

    @staticmethod
    def run(kernels, x, y, shift, axis):
        kernels.array.roll(x, shift, axis, y)

    @staticmethod
    def gradient(node, dy):
        return apply("Roll", dy, shift=tuple(-n for n in node.attrs["shift"]), axis=node.attrs["axis"])


def cast(x, dtype, name=None):
    """``x`` in another dtype. Floats become integers by dropping the fraction."""
    x, dtype = convert(x), dtypes.as_dtype(dtype)
    return x if x.dtype is dtype else apply("Cast", x, dtype=dtype)


@reads_sizes
def reshape(tensor, shape, name=None):
    """The same elements in another shape, in which one size may be -1: it is worked out from the others."""
    shape = constant_ints("Reshape", "shape", shape)
    return apply("Reshape", tensor, shape=shape if isinstance(shape, tuple) else (shape,))


def expand_dims(input, axis, name=None):
    """``input`` with a new axis of size 1 at position ``axis`` of the result."""
    x = convert(input)
    return apply("ExpandDims", x, axis=normalize_axis("ExpandDims", axis, len(x.shape) + 1))


@reads_sizes
def squeeze(input, axis=None, name=None):
    """``input`` without its axes of size 1, or without those of ``axis``, which must have size 1."""
    x = convert(input)
    ones = tuple(i for i, n in enumerate(x.shape) if n == 1)
    return apply("Squeeze", x, axis=ones if axis is None else sorted_axes("Squeeze", axis, len(x.shape)))


def transpose(a, perm=None, conjugate=False, name=None):
    """``a`` with its axes in the order ``perm`` (None: reversed): axis i of the result is axis perm[i] of a."""
    a = convert(a)
    rank = len(a.shape)
    perm = tuple(reversed(range(rank))) if perm is None else constant_ints("Transpose", "perm", perm)
    return apply("Transpose", a, perm=tuple(i + rank if -rank <= i < 0 else i for i in perm))


@reads_sizes
def broadcast_to(input, shape, name=None):
    """``input`` stretched to ``shape`` along axes of size 1 and new leading axes."""
    return apply("BroadcastTo", input, shape=constant_ints("BroadcastTo", "shape", shape))


def reverse(tensor, axis, name=None):
    """``tensor`` with the order along the axes of the list ``axis`` reversed."""
    x = convert(tensor)
    return apply("ReverseV2", x, axis=sorted_axes("ReverseV2", axis, len(x.shape)))


@reads_sizes
def roll(input, shift, axis, name=None):
    """``input`` moved on by ``shift`` elements along ``axis``; what leaves at one end enters at the other.

    shift, axis: an int each, or lists of equal length: the shifts along one axis add up.
    """
    x = convert(input)
    shifts, axes = constant_ints("Roll", "shift", shift), constant_ints("Roll", "axis", axis)
    shifts, axes = (entry if isinstance(entry, tuple) else (entry,) for entry in (shifts, axes))
    if len(shifts) != len(axes):
        raise InvalidArgumentError(f"Roll: shift and axis have one length, got {len(shifts)} and {len(axes)} entries")
    return apply("Roll", x, shift=shifts, axis=tuple(normalize_axis("Roll", i, x.ndim) for i in axes))


def identity(input, name=None):
    """A tensor with the value of ``input``."""
    return apply("Identity", input)


def stop_gradient(input, name=None):
    """The value of ``input``, through which no gradient flows."""
    return apply("StopGradient", input)


@reads_sizes
def shape(input, out_type=dtypes.int32, name=None):
    """The shape of ``input`` as an integer tensor."""
    return constant(np.array(_shape_of(input), dtypes.as_dtype(out_type).as_numpy_dtype))


@reads_sizes
def size(input, out_type=dtypes.int32, name=None):
    """The number of elements of ``input`` as an integer tensor of shape ()."""
    return constant(np.array(size_of(_shape_of(input)), dtypes.as_dtype(out_type).as_numpy_dtype))


def rank(input, name=None):
    """The number of axes of ``input`` as an int32 tensor of shape ()."""
    return constant(np.array(len(_shape_of(input)), np.int32))


def shape_n(input, out_type=dtypes.int32, name=None):
    """The shape of each tensor in a list."""
    return [shape(x, out_type) for x in input]


def broadcast_static_shape(shape_x, shape_y):
    """The shape that tensors of two shapes broadcast to. Raises ValueError if they do not."""
    return TensorShape(broadcast_shapes("broadcast_static_shape", as_shape(shape_x), as_shape(shape_y)))


@reads_sizes
def broadcast_dynamic_shape(shape_x, shape_y):
    """The shape, an integer tensor, that tensors of two such shapes broadcast to."""
    x, y = convert(shape_x), convert(shape_y)
    sizes = [constant_ints("broadcast_dynamic_shape", what, z) for what, z in (("shape_x", x), ("shape_y", y))]
    return constant(np.array(broadcast_shapes("broadcast_dynamic_shape", *sizes), x.dtype.as_numpy_dtype))


def _shape_of(x):
    return TensorShape(x.shape if hasattr(x, "spec") else convert(x).shape)
