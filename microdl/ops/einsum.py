"""Einstein's summation over any number of tensors, and tensordot: transpositions around products of matrices."""

import string

import numpy as np

from microdl.core.constant import constant
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.shapes import normalize_axis, size_of
from microdl.core.tensor import apply, convert
from microdl.ops.checks import constant_ints


def _parsed(equation, ranks):
    """(labels of each operand, labels of the result): strings, with letters of their own for the axes of ``...``."""
    left, arrow, result = equation.replace(" ", "").partition("->")
    operands = left.split(",")
    if len(operands) != len(ranks):
        raise InvalidArgumentError(f"einsum: {equation!r} has {len(operands)} operands, got {len(ranks)} tensors")
    used = set(equation)
    spare = [letter for letter in (*string.ascii_letters, *map(chr, range(0x370, 0x400))) if letter not in used]
    count = 0
    for text, rank in zip(operands, ranks, strict=True):
        bare = text.replace("...", "", 1)
        if not all(letter in string.ascii_letters for letter in bare):
            raise InvalidArgumentError(f"einsum: {text!r} in {equation!r} may hold letters and one '...' alone")
        if rank < len(bare) or (rank > len(bare) and "..." not in text):
            raise InvalidArgumentError(f"einsum: {text!r} in {equation!r} does not fit a tensor of {rank} axes")
        count = max(count, rank - len(bare))
    rest = "".join(spare[:count])
    if not arrow:
        letters = left.replace(",", "").replace("...", "")
        once = sorted(letter for letter in set(letters) if letters.count(letter) == 1)
        result = ("..." if "..." in left else "") + "".join(once)
    bare = result.replace("...", "", 1)
    if len(set(bare)) < len(bare) or not set(bare) <= set(left) - {".", ","}:
        raise InvalidArgumentError(
            f"einsum: the result {result!r} of {equation!r} repeats labels, or no operand has them"
        )
    if rest and "..." not in result:
        raise InvalidArgumentError(f"einsum: {equation!r} has '...' in an operand, so the result must have it too")

    def spelled(text, rank):
        own = rank - len(text.replace("...", "", 1))
        return text.replace("...", rest[count - own :])

    return [spelled(text, rank) for text, rank in zip(operands, ranks, strict=True)], result.replace("...", rest)


def _diagonal(x, labels):
    """``x`` with axes of one label made one, along their diagonal; its labels."""
    for label in dict.fromkeys(labels):
        axes = [i for i, other in enumerate(labels) if other == label]
        if len(axes) == 1:
            continue
        sizes = {x.shape[i] for i in axes}
        if len(sizes) > 1:
            raise InvalidArgumentError(f"einsum: axes of one label have different sizes: {sorted(sizes)}")
        (n,) = sizes
        others = [i for i in range(x.ndim) if i not in axes]
        shape = [x.shape[i] for i in others]
        flat = apply("Reshape", apply("Transpose", x, perm=(*axes, *others)), shape=(n ** len(axes), *shape))
        x = apply("GatherV2", flat, constant(np.arange(n) * ((n ** len(axes) - 1) // max(n - 1, 1))), axis=0)
        labels = label + "".join(labels[i] for i in others)
    return x, labels


def _summed(x, labels, kept):
    """``x`` summed over the axes whose labels are not in ``kept``; the labels left."""
    axes = tuple(i for i, label in enumerate(labels) if label not in kept)
    x = apply("Sum", x, axis=axes, keepdims=False) if axes else x
    return x, "".join(label for label in labels if label in kept)


def _squeezed(x, labels, other, sizes):
    """Without the axes of size 1 that broadcasting would stretch to the size in ``other``."""
    axes = tuple(i for i, label in enumerate(labels) if label in other and x.shape[i] == 1 and sizes[label] != 1)
    x = apply("Squeeze", x, axis=axes) if axes else x
    return x, "".join(label for i, label in enumerate(labels) if i not in axes)


def _ordered(x, labels, order):
    perm = tuple(labels.index(label) for label in order)
    return x if perm == tuple(range(len(perm))) else apply("Transpose", x, perm=perm)


def _contracted(x, a, y, b, kept):
    """The product of two operands with labels ``a`` and ``b``, summed over what both have and ``kept`` has not."""
    sizes = dict(zip(a, x.shape, strict=True))
    for label, n in zip(b, y.shape, strict=True):
        if n != 1 and sizes.get(label, n) not in (1, n):
            raise InvalidArgumentError(
                f"einsum: label {label!r} has size {sizes[label]} in one operand, {n} in another"
            )
        sizes[label] = max(sizes.get(label, 0), n) if label in sizes and n else n
    (x, a), (y, b) = _squeezed(x, a, b, sizes), _squeezed(y, b, a, sizes)
    (x, a), (y, b) = _summed(x, a, kept | set(b)), _summed(y, b, kept | set(a))
    batch = [label for label in a if label in b and label in kept]
    summed = [label for label in a if label in b and label not in kept]
    rows, columns = [label for label in a if label not in b], [label for label in b if label not in a]

    def matrices(z, labels, *groups):
        z = _ordered(z, labels, [label for group in groups for label in group])
        return apply("Reshape", z, shape=tuple(size_of(sizes[label] for label in group) for group in groups))

    left, right = matrices(x, a, batch, rows, summed), matrices(y, b, batch, summed, columns)
    product = apply("BatchMatMulV2", left, right, transpose_a=False, transpose_b=False) if summed else left * right
    labels = [*batch, *rows, *columns]
    return apply("Reshape", product, shape=tuple(sizes[label] for label in labels)), "".join(labels)


@reads_sizes
def einsum(equation, *inputs, **kwargs):
    """The products of the elements of ``inputs``, summed over the labels that the result lacks: "ij,jk->ik".

    Args:
        equation: labels of each operand's axes, "->" and those of the result; without the arrow the result has the
            labels that come once, in alphabetical order. "..." stands for axes that broadcast. A label twice in an
            operand means its diagonal.
        optimize, name: accepted; operands are joined from left to right.

    Raises: InvalidArgumentError if the equation does not fit the tensors.
    """
    unknown = set(kwargs) - {"optimize", "name"}
    if unknown:
        raise TypeError(f"einsum: unknown arguments {', '.join(sorted(unknown))}")
    hint = next((x.dtype for x in inputs if hasattr(x, "spec")), None)
    tensors = [convert(x, hint=hint) for x in inputs]
    labels, result = _parsed(equation, [x.ndim for x in tensors])
    parts = [_diagonal(x, text) for x, text in zip(tensors, labels, strict=True)]
    while len(parts) > 1:
        (x, a), (y, b), *others = parts
        kept = set(result).union(*(text for _, text in others))
        parts = [_contracted(x, a, y, b, kept), *others]
    ((x, have),) = parts
    x, have = _summed(x, have, set(result))
    return _ordered(x, have, result)


@reads_sizes
def tensordot(a, b, axes, name=None):
    """Sums of products over ``axes``: an int n (the last n of a and the first n of b), or a list of axes for each.

    Returns: the axes of a that are left, then those of b.
    """
    a = convert(a)
    b = convert(b, hint=a.dtype)
    axes = constant_ints("tensordot", "axes", axes)
    if isinstance(axes, int):
        if not 0 <= axes <= min(a.ndim, b.ndim):
            raise ValueError(f"tensordot: axes must be between 0 and {min(a.ndim, b.ndim)}, got {axes}")
        first, second = tuple(range(a.ndim - axes, a.ndim)), tuple(range(axes))
    else:
        if len(axes) != 2:
            raise ValueError(f"tensordot: axes is an integer or has length 2, got {axes}")
        first, second = (one if isinstance(one, tuple) else (one,) for one in axes)
    if len(first) != len(second):
        raise ValueError(f"tensordot: different number of contraction axes: {len(first)} and {len(second)}")
    first = tuple(normalize_axis("tensordot", axis, a.ndim) for axis in first)
    second = tuple(normalize_axis("tensordot", axis, b.ndim) for axis in second)
    rows, columns = [i for i in range(a.ndim) if i not in first], [i for i in range(b.ndim) if i not in second]
    depth, other = [a.shape[i] for i in first], [b.shape[i] for i in second]
    if depth != other:
        raise InvalidArgumentError(
            f"tensordot: axes {first} of shape {a.shape} and {second} of {b.shape} differ in size"
        )
    shape = [a.shape[i] for i in rows], [b.shape[i] for i in columns]
    left = apply("Reshape", apply("Transpose", a, perm=(*rows, *first)), shape=(size_of(shape[0]), size_of(depth)))
    right = apply("Reshape", apply("Transpose", b, perm=(*second, *columns)), shape=(size_of(depth), size_of(shape[1])))
    product = apply("BatchMatMulV2", left, right, transpose_a=False, transpose_b=False)
    return apply("Reshape", product, shape=(*shape[0], *shape[1]))
