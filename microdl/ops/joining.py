"""Larger tensors out of smaller ones and back: concat, stack, split, unstack, tile, pad."""

import numpy as np

from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.shapes import as_integer, normalize_axis, size_of
from microdl.core.tensor import apply, convert
from microdl.ops.checks import constant_ints


def _copied(*specs, **attrs):
    """Cost of an op that reads and writes every element of its inputs once."""
    return 0, 2 * sum(spec.nbytes for spec in specs)


def _zeros(spec):
    return apply("Fill", shape=tuple(spec.shape), value=0, dtype=spec.dtype)


def _given(dys, outputs):
    """The outputs' gradients, zeros for those that nothing depends on."""
    return [_zeros(y) if dy is None else dy for dy, y in zip(dys, outputs, strict=True)]


@register_op("ConcatV2")
class _ConcatV2:
    inputs = ("values*",)
    cost = staticmethod(_copied)

    @staticmethod
    def infer(*values, axis):
        first = values[0].shape
        for i, spec in enumerate(values):
            if len(spec.shape) != len(first):
                raise InvalidArgumentError(
                    f"ConcatV2: all tensors need the same number of axes, but values[0] has shape {first} and "
                    f"values[{i}] has {spec.shape}; tf.expand_dims adds an axis"
                )
            for other, (n, expected) in enumerate(zip(spec.shape, first, strict=True)):
                if other != axis and n != expected:
                    raise InvalidArgumentError(
                        f"ConcatV2: joined along axis {axis}, shapes must agree in all others, but axis {other} has "
                        f"{expected} in values[0] {first} and {n} in values[{i}] {spec.shape}"
                    )
        total = sum(spec.shape[axis] for spec in values)
        return Spec((*first[:axis], total, *first[axis + 1 :]), values[0].dtype)

    @staticmethod
    def run(kernels, *arrays, axis):
        kernels.array.concat(arrays[:-1], axis, arrays[-1])

    @staticmethod
    def gradient(node, dy):
        axis = node.attrs["axis"]
        sizes = tuple(x.shape[axis] for x in node.inputs)
        return apply("SplitV", dy, size_splits=sizes, axis=axis)


@register_op("SplitV")
class _SplitV:
    inputs = ("value",)
    cost = staticmethod(_copied)

    @staticmethod
    def infer(value, size_splits, axis):
        if sum(size_splits) != value.shape[axis] or any(n < 0 for n in size_splits):
            raise InvalidArgumentError(
                f"SplitV: sizes {size_splits} must be >= 0 and add up to {value.shape[axis]}, the size of axis {axis} "
                f"of shape {value.shape}; one of them may be -1"
            )
        before, after = value.shape[:axis], value.shape[axis + 1 :]
        return tuple(Spec((*before, n, *after), value.dtype) for n in size_splits)

    @staticmethod
    def run(kernels, value, *pieces, size_splits, axis):
        kernels.array.split(value, axis, pieces)

    @staticmethod
    def gradient(node, *dys):
        return apply("ConcatV2", *_given(dys, node.outputs), axis=node.attrs["axis"])


@register_op("Pack")
class _Pack:
    inputs = ("values*",)
    cost = staticmethod(_copied)

    @staticmethod
    def infer(*values, axis):
        shape = values[0].shape
        for i, spec in enumerate(values):
            if spec.shape != shape:
                raise InvalidArgumentError(
                    f"Pack: all tensors must have one shape, but values[0] has {shape} and values[{i}] has "
                    f"{spec.shape}; tf.concat joins tensors that differ along one axis"
                )
        return Spec((*shape[:axis], len(values), *shape[axis:]), values[0].dtype)

    @staticmethod
    def run(kernels, *arrays, axis):
        kernels.array.stack(arrays[:-1], axis, arrays[-1])

    @staticmethod
    def gradient(node, dy):
        return apply("Unpack", dy, axis=node.attrs["axis"])


@register_op("Unpack")
class _Unpack:
    inputs = ("value",)
    cost = staticmethod(_copied)

    @staticmethod
    def infer(value, axis):
        rest = value.shape[:axis] + value.shape[axis + 1 :]
        return (Spec(rest, value.dtype),) * value.shape[axis]

    @staticmethod
    def run(kernels, value, *pieces, axis):
        kept = [piece.reshape(*piece.shape[:axis], 1, *piece.shape[axis:]) for piece in pieces]
        kernels.array.split(value, axis, kept)

    @staticmethod
    def gradient(node, *dys):
        return apply("Pack", *_given(dys, node.outputs), axis=node.attrs["axis"])


@register_op("Tile")
class _Tile:
    inputs = ("input",)

    @staticmethod
    def infer(x, multiples):
        if len(multiples) != len(x.shape) or any(n < 0 for n in multiples):
            raise InvalidArgumentError(
                f"Tile: multiples {multiples} must hold one number >= 0 for each axis of shape {x.shape}"
            )
        return Spec(tuple(n * times for n, times in zip(x.shape, multiples, strict=True)), x.dtype)

    @staticmethod
    def run(kernels, x, y, multiples):
        kernels.array.tile(x, multiples, y)

    @staticmethod
    def gradient(node, dy):
        x, multiples = node.inputs[0], node.attrs["multiples"]
        pairs = tuple(n for pair in zip(multiples, x.shape, strict=True) for n in pair)  # (times, size, times, size...)
        return apply("Sum", apply("Reshape", dy, shape=pairs), axis=tuple(range(0, len(pairs), 2)), keepdims=False)

    @staticmethod
    def cost(x, multiples):
        return 0, x.nbytes + x.nbytes * size_of(multiples)


def _padded(op, x, paddings):
    """The Spec after padding. Raises if there is not one pair of numbers >= 0 for each axis."""
    if len(paddings) != len(x.shape) or any(not isinstance(p, tuple) or len(p) != 2 or min(p) < 0 for p in paddings):
        raise InvalidArgumentError(
            f"{op}: paddings {paddings} must hold one pair (before, after) of numbers >= 0 for each axis of shape "
            f"{x.shape}"
        )
    return Spec(tuple(n + sum(pair) for n, pair in zip(x.shape, paddings, strict=True)), x.dtype)


@register_op("PadV2")
class _PadV2:
    inputs = ("input",)

    @staticmethod
    def infer(x, paddings, constant_values):
        return _padded("PadV2", x, paddings)

    @staticmethod
    def run(kernels, x, y, paddings, constant_values):
        kernels.array.pad(x, paddings, constant_values, y)

    @staticmethod
    def gradient(node, dy):
        x, paddings = node.inputs[0], node.attrs["paddings"]
        inside = tuple((before, before + n, None) for n, (before, _) in zip(x.shape, paddings, strict=True))
        return apply("StridedSlice", dy, index=inside)

    @staticmethod
    def cost(x, paddings, constant_values):
        return 0, x.nbytes + _padded("PadV2", x, paddings).nbytes


@register_op("MirrorPad")
class _MirrorPad:
    inputs = ("input",)

    @staticmethod
    def infer(x, paddings, mode):
        spec = _padded("MirrorPad", x, paddings)
        for axis, (n, pair) in enumerate(zip(x.shape, paddings, strict=True)):
            most = n - 1 if mode == "reflect" else n
            if max(pair) > most:
                raise InvalidArgumentError(
                    f"MirrorPad: paddings {pair} of axis {axis}, which has size {n}, must not exceed {most} "
                    f"in mode {mode.upper()!r}"
                )
        return spec

    @staticmethod
    def run(kernels, x, y, paddings, mode):
        kernels.array.mirror_pad(x, paddings, mode, y)

    @staticmethod
    def gradient(node, dy):
        return apply("MirrorPadGrad", dy, **node.attrs)

    @staticmethod
    def cost(x, paddings, mode):
        return 0, x.nbytes + _padded("MirrorPad", x, paddings).nbytes


@register_op("MirrorPadGrad")
class _MirrorPadGrad:
    inputs = ("dy",)

    @staticmethod
    def infer(dy, paddings, mode):
        return Spec(tuple(n - sum(pair) for n, pair in zip(dy.shape, paddings, strict=True)), dy.dtype)

    @staticmethod
    def run(kernels, dy, dx, paddings, mode):
        kernels.array.mirror_pad_grad(dy, paddings, mode, dx)

    @staticmethod
    def gradient(node, ddx):
        return apply("MirrorPad", ddx, **node.attrs)

    @staticmethod
    def cost(dy, paddings, mode):
        return dy.size, 2 * dy.nbytes


def _tensors(op, values):
    """The list ``values`` as tensors of one dtype: that of the first tensor in it, or else of the first value.

    Python numbers are stacked as one list would be converted: to floats if one of them is a float.
    """
    if hasattr(values, "spec"):
        values = unstack(values)
    values = list(values)
    if not values:
        raise ValueError(f"{op}: at least one tensor is needed, got an empty list")
    hint = next((x.dtype for x in values if hasattr(x, "spec")), None)
    if hint is None:
        own = [convert(x).dtype for x in (values if op == "stack" else values[:1])]
        hint = next((dtype for dtype in own if dtype.is_floating), own[0])
    return [convert(x, hint=hint) for x in values]


def concat(values, axis, name=None):
    """The tensors of ``values`` one after another along ``axis``; in all other axes their sizes agree."""
    if hasattr(axis, "spec") and not (axis.dtype.is_integer and not axis.ndim):
        raise TypeError(
            f"concat: axis must be an integer, got a {axis.dtype.name} tensor of shape {axis.shape}; "
            "the tensors to join come in one list: tf.concat([a, b], axis)"
        )
    axis = as_integer("concat", "axis", axis)
    values = [values] if hasattr(values, "spec") else _tensors("concat", values)
    if len(values) == 1:
        return apply("Identity", values[0])
    return apply("ConcatV2", *values, axis=normalize_axis("ConcatV2", axis, len(values[0].shape)))


def stack(values, axis=0, name=None):
    """The tensors of ``values``, of one shape, along a new axis at position ``axis`` of the result."""
    values = _tensors("stack", values)
    return apply("Pack", *values, axis=normalize_axis("Pack", axis, len(values[0].shape) + 1))


def unstack(value, num=None, axis=0, name=None):
    """The list of the slices of ``value`` along ``axis``, without that axis. num: how many there must be, if given."""
    value = convert(value)
    axis = normalize_axis("Unpack", axis, len(value.shape))
    if value.shape[axis] is None:
        if num is None:
            raise ValueError(f"unstack: the size of axis {axis} of shape {value.shape} is not known: give num")
        return [value[(slice(None),) * axis + (i,)] for i in range(num)]
    if num is not None and num != value.shape[axis]:
        raise ValueError(f"unstack: num is {num} but axis {axis} of shape {value.shape} has size {value.shape[axis]}")
    return list(apply("Unpack", value, axis=axis)) if value.shape[axis] else []


@reads_sizes
def split(value, num_or_size_splits, axis=0, num=None, name="split"):
    """The list of consecutive pieces of ``value`` along ``axis``.

    num_or_size_splits: an int, the number of equal pieces; or the list of their sizes, of which one may be -1.
    """
    value = convert(value)
    axis = normalize_axis("SplitV", axis, len(value.shape))
    sizes, n = constant_ints("SplitV", "num_or_size_splits", num_or_size_splits), value.spec.shape[axis]
    if isinstance(sizes, int):
        if sizes < 1 or n % sizes:
            raise InvalidArgumentError(
                f"Split: axis {axis} of shape {value.shape} has size {n}, which cannot be cut into {sizes} equal "
                "pieces; give a list of sizes instead"
            )
        sizes = (n // sizes,) * sizes
    rest = n - sum(size for size in sizes if size != -1)
    return list(apply("SplitV", value, size_splits=tuple(rest if s == -1 else s for s in sizes), axis=axis))


@reads_sizes
def tile(input, multiples, name=None):
    """``input`` repeated ``multiples[axis]`` times along each axis."""
    return apply("Tile", input, multiples=constant_ints("Tile", "multiples", multiples))


@reads_sizes
def repeat(input, repeats, axis=None, name=None):
    """Each slice of ``input`` along ``axis`` (None: each element, flat) several times, one after another.

    repeats: int >= 0, or as many of them as there are slices.
    """
    x, counts = convert(input), np.array(constant_ints("repeat", "repeats", repeats), np.int64)
    if axis is None:
        x, axis = apply("Reshape", x, shape=(-1,) if x.spec.size else (0,)), 0
    axis = normalize_axis("repeat", axis, x.ndim)
    rows = x.spec.shape[axis]
    if counts.ndim > 1 or counts.size not in (1, rows) or (counts < 0).any():
        raise InvalidArgumentError(
            f"repeat: repeats must be one number >= 0, or one for each of the {rows} entries of axis {axis} of shape "
            f"{x.shape}, got {counts.tolist()}"
        )
    return apply("GatherV2", x, np.repeat(np.arange(rows), counts), axis=axis)


@reads_sizes
def pad(tensor, paddings, mode="CONSTANT", constant_values=0, name=None):
    """``tensor`` with margins.

    Args:
        paddings: for each axis a pair: elements before, elements after. mode: CONSTANT, REFLECT (mirrored, the edge not
        repeated) or SYMMETRIC (mirrored, the edge repeated). constant_values: number, for CONSTANT.
    """
    x, paddings, mode = convert(tensor), constant_ints("PadV2", "paddings", paddings), mode.upper()
    if mode == "CONSTANT":
        value = convert(constant_values, hint=x.dtype).host_copy().item()
        return apply("PadV2", x, paddings=paddings, constant_values=value)
    if mode not in ("REFLECT", "SYMMETRIC"):
        raise ValueError(f"pad: mode must be CONSTANT, REFLECT or SYMMETRIC, got {mode!r}")
    return apply("MirrorPad", x, paddings=paddings, mode=mode.lower())
