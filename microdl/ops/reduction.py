"""Reductions over any axes: sum, mean, product, extremes, any, all, log-sum-exp, variance."""

import functools
from functools import partial

from microdl.core import dtypes
from microdl.core.kernels import settled
from microdl.core.op import Spec, register_op
from microdl.core.shapes import size_of
from microdl.core.tensor import apply, convert
from microdl.ops.checks import require_bool, require_floating, require_number, sorted_axes


@functools.lru_cache(maxsize=1024)
def _plan(shape, axis):
    """How kernels see a reduction: (perm, (outer, reduced, inner)). perm: None, or what brings the reduced axes last.

    Axes of size 1 can count as either kind, so only the others decide whether the reduced ones lie side by side.
    """
    kinds = [i in axis for i, n in enumerate(shape) if n != 1]
    first = kinds.index(True) if True in kinds else 0
    count = sum(kinds)
    kept = [i for i in range(len(shape)) if i not in axis]
    reduced = size_of(shape[i] for i in axis)
    if not all(kinds[first : first + count]):
        return (*kept, *axis), (size_of(shape[i] for i in kept), reduced, 1)
    sizes = [n for n in shape if n != 1]
    return None, (size_of(sizes[:first]), reduced, size_of(sizes[first + count :]))


def three_axes(kernels, x, axis):
    """``x`` as (outer, reduced, inner): a view where the reduced axes lie side by side, else a permuted copy."""
    perm, three = _plan(x.shape, axis)
    if perm is None:
        return x.reshape(three)
    permuted = kernels.array.empty(tuple(x.shape[i] for i in perm), x.dtype)
    kernels.array.transpose(x, perm, permuted)
    return permuted.reshape(three)


def written_as_three(kernels, write, x, axis):
    """Lets ``write`` fill ``x``, which it sees as (outer, reduced, inner)."""
    perm, three = _plan(x.shape, axis)
    if perm is None:
        write(x.reshape(three))
        return
    permuted = kernels.array.empty(three, x.dtype)
    write(permuted)
    back = tuple(perm.index(i) for i in range(len(perm)))
    kernels.array.transpose(permuted.reshape([x.shape[i] for i in perm]), back, x)


def reduced_shape(shape, axis, keepdims):
    """``shape`` without the axes of ``axis``, or with 1 in their place."""
    if keepdims:
        return tuple(1 if i in axis else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axis)


class _Reduction:
    """Base of the records. axis: sorted tuple of axes >= 0. keepdims: bool."""

    inputs = ("input",)
    by_shape = True
    name = kernel = ""
    check = staticmethod(require_number)

    @classmethod
    def infer(cls, x, axis, keepdims):
        cls.check(cls.name, x)
        return Spec(reduced_shape(x.shape, axis, keepdims), x.dtype)

    @classmethod
    def run(cls, kernels, x, y, axis, keepdims):
        three = three_axes(kernels, x, axis)
        getattr(kernels.reduction, cls.kernel)(three, y.reshape(three.shape[0], three.shape[2]))

    @classmethod
    def settle(cls, kernels, x, y, axis, keepdims):
        again = partial(cls.run, kernels, x, y, axis, keepdims)
        return settled(again) if _plan(x.shape, axis)[0] is None else again  # no copy of x must be kept

    @classmethod
    def cost(cls, x, axis, keepdims):
        return x.size, x.nbytes + cls.infer(x, axis, keepdims).nbytes


def _spread(node, dy):
    """``dy`` stretched again over the axes that were reduced."""
    shape = tuple(node.inputs[0].shape)
    dy = apply("Reshape", dy, shape=reduced_shape(shape, node.attrs["axis"], True))
    return apply("BroadcastTo", dy, shape=shape)


@register_op("Sum")
class _Sum(_Reduction):
    name, kernel = "Sum", "reduce_sum"

    @staticmethod
    def gradient(node, dy):
        return _spread(node, dy)


@register_op("Mean")
class _Mean(_Reduction):
    name, kernel = "Mean", "reduce_mean"

    @staticmethod
    def gradient(node, dy):
        return apply("MeanGrad", dy, shape=tuple(node.inputs[0].shape), axis=node.attrs["axis"])


@register_op("MeanGrad")
class _MeanGrad:
    """dx = dy / count, the same along all ``axis`` of ``shape``. Linear in dy: its gradient is a mean again."""

    inputs = ("dy",)

    @staticmethod
    def infer(dy, shape, axis):
        return Spec(shape, dy.dtype)

    @staticmethod
    def run(kernels, dy, dx, shape, axis):
        count = size_of(shape[i] for i in axis)

        def write(three):
            kernels.reduction.mean_grad(dy.reshape(three.shape[0], three.shape[2]), count, three)

        written_as_three(kernels, write, dx, axis)

    @staticmethod
    def gradient(node, ddx):
        mean = apply("Mean", ddx, axis=node.attrs["axis"], keepdims=False)
        return apply("Reshape", mean, shape=tuple(node.inputs[0].shape))

    @staticmethod
    def cost(dy, shape, axis):
        return dy.size, dy.nbytes + Spec(shape, dy.dtype).nbytes


@register_op("Any")
class _Any(_Reduction):
    name, kernel = "Any", "reduce_any"
    check = staticmethod(require_bool)


@register_op("All")
class _All(_Reduction):
    name, kernel = "All", "reduce_all"
    check = staticmethod(require_bool)


class _Extreme(_Reduction):
    """Equal extremes share the gradient equally."""

    keeps = ("input", "output")

    @staticmethod
    def gradient(node, dy):
        axis = node.attrs["axis"]
        y = apply("Reshape", node.outputs[0], shape=tuple(dy.shape))
        return apply("ExtremumGrad", node.inputs[0], y, dy, axis=axis)


@register_op("Max")
class _Max(_Extreme):
    name, kernel = "Max", "reduce_max"


@register_op("Min")
class _Min(_Extreme):
    name, kernel = "Min", "reduce_min"


@register_op("ExtremumGrad")
class _ExtremumGrad:
    """The gradient of Max and Min: linear in dy, constant between the points where the extreme changes its place."""

    inputs = ("x", "y", "dy")
    keeps = ("x", "y", "dy")

    @staticmethod
    def infer(x, y, dy, axis):
        return x

    @staticmethod
    def run(kernels, x, y, dy, dx, axis):
        three = three_axes(kernels, x, axis)
        pair = three.shape[0], three.shape[2]
        y, dy = y.reshape(pair), dy.reshape(pair)
        written_as_three(kernels, lambda out: kernels.scan.extremum_grad(three, y, dy, out), dx, axis)

    @staticmethod
    def gradient(node, ddx):
        x, y, dy = node.inputs
        share = apply("ExtremumGrad", x, y, apply("OnesLike", dy), axis=node.attrs["axis"])
        summed = apply("Sum", ddx * share, axis=node.attrs["axis"], keepdims=False)
        return None, None, apply("Reshape", summed, shape=tuple(dy.shape))

    @staticmethod
    def cost(x, y, dy, axis):
        return 3 * x.size, 3 * x.nbytes + y.nbytes + dy.nbytes


@register_op("Prod")
class _Prod(_Reduction):
    name, kernel = "Prod", "reduce_prod"
    keeps = ("input",)

    @staticmethod
    def gradient(node, dy):
        return apply("ProdGrad", node.inputs[0], dy, axis=node.attrs["axis"])


@register_op("ProdGrad")
class _ProdGrad:
    """dx_i = dy * product of x_j over j != i."""

    inputs = ("x", "dy")
    keeps = ("x", "dy")

    @staticmethod
    def infer(x, dy, axis):
        return x

    @staticmethod
    def run(kernels, x, dy, dx, axis):
        three = three_axes(kernels, x, axis)
        dy = dy.reshape(three.shape[0], three.shape[2])
        written_as_three(kernels, lambda out: kernels.scan.prod_grad(three, dy, out), dx, axis)

    @staticmethod
    def gradient(node, ddx):
        """The product over j != i is the product of row i of a matrix that holds x_j there and 1 on its diagonal.

        So its derivative is ProdGrad of that matrix, n times as large as x: second derivatives of products are rare.
        """
        (x, dy), axis = node.inputs, node.attrs["axis"]
        of_dy = apply("Sum", ddx * apply("ProdGrad", x, apply("OnesLike", dy), axis=axis), axis=axis, keepdims=False)
        of_dy = apply("Reshape", of_dy, shape=tuple(dy.shape))
        rank, count = len(x.shape), size_of(x.shape[i] for i in axis)
        perm = tuple(i for i in range(rank) if i not in axis) + axis
        moved = [apply("Transpose", t, perm=perm) for t in (x, ddx)]
        sizes = tuple(moved[0].shape)
        rows, weights = (apply("Reshape", t, shape=(size_of(dy.shape), count)) for t in moved)
        upstream = weights * apply("Reshape", dy, shape=(rows.shape[0], 1))  # (outer, i)
        diagonal = apply("Cast", apply("Eye", rows=count, columns=count, dtype=x.dtype), dtype=dtypes.bool)
        others = apply("SelectV2", diagonal, apply("OnesLike", rows[:, None, :]), rows[:, None, :])  # (outer, i, j)
        slopes = apply("ProdGrad", others, upstream, axis=(2,))
        slopes = apply("SelectV2", diagonal, apply("ZerosLike", slopes), slopes)
        of_x = apply("Reshape", apply("Sum", slopes, axis=(1,), keepdims=False), shape=sizes)
        return apply("Transpose", of_x, perm=tuple(perm.index(i) for i in range(rank))), of_dy

    @staticmethod
    def cost(x, dy, axis):
        return 3 * x.size, 4 * x.nbytes + dy.nbytes


@register_op("LogSumExp")
class _LogSumExp(_Reduction):
    name = "LogSumExp"
    check = staticmethod(require_floating)
    keeps = ("input",)

    @staticmethod
    def run(kernels, x, y, axis, keepdims):
        three = three_axes(kernels, x, axis)
        kernels.scan.logsumexp(three, y.reshape(three.shape[0], three.shape[2]))

    @staticmethod
    def gradient(node, dy):
        """dy softmax(x). Not dy exp(x - y): where x is large, y is rounded to more than differences in x matter."""
        x, axis = node.inputs[0], node.attrs["axis"]
        terms = apply("Exp", x - apply("StopGradient", apply("Max", x, axis=axis, keepdims=True)))
        total = apply("Sum", terms, axis=axis, keepdims=True)
        return terms * (apply("Reshape", dy, shape=reduced_shape(x.shape, axis, True)) / total)

    @classmethod
    def cost(cls, x, axis, keepdims):
        return 12 * x.size, 2 * x.nbytes + cls.infer(x, axis, keepdims).nbytes


def _reduce(op, x, axis, keepdims):
    x = convert(x)
    return apply(op, x, axis=sorted_axes(op, axis, len(x.shape)), keepdims=bool(keepdims))


def reduce_sum(input_tensor, axis=None, keepdims=False, name=None):
    """The sum over ``axis`` (None: all axes; an int; or several); of nothing 0. keepdims: keep the axes with size 1."""
    return _reduce("Sum", input_tensor, axis, keepdims)


def reduce_mean(input_tensor, axis=None, keepdims=False, name=None):
    """The mean over ``axis``. Integers stay integers, cut towards zero; of nothing NaN."""
    return _reduce("Mean", input_tensor, axis, keepdims)


def reduce_max(input_tensor, axis=None, keepdims=False, name=None):
    """The greatest element over ``axis``; NaN if one is; of nothing the least value of the dtype."""
    return _reduce("Max", input_tensor, axis, keepdims)


def reduce_min(input_tensor, axis=None, keepdims=False, name=None):
    """The smallest element over ``axis``; NaN if one is; of nothing the greatest value of the dtype."""
    return _reduce("Min", input_tensor, axis, keepdims)


def reduce_prod(input_tensor, axis=None, keepdims=False, name=None):
    """The product over ``axis``; of nothing 1. Its gradient is right with zeros among the factors."""
    return _reduce("Prod", input_tensor, axis, keepdims)


def reduce_any(input_tensor, axis=None, keepdims=False, name=None):
    """Whether one element over ``axis`` holds. input_tensor: bool."""
    return _reduce("Any", input_tensor, axis, keepdims)


def reduce_all(input_tensor, axis=None, keepdims=False, name=None):
    """Whether all elements over ``axis`` hold. input_tensor: bool."""
    return _reduce("All", input_tensor, axis, keepdims)


def reduce_logsumexp(input_tensor, axis=None, keepdims=False, name=None):
    """log(sum(exp(x))) over ``axis``, without overflow. input_tensor: float."""
    return _reduce("LogSumExp", input_tensor, axis, keepdims)


def reduce_variance(input_tensor, axis=None, keepdims=False, name=None):
    """The mean squared distance from the mean over ``axis`` (divided by n, not n - 1). input_tensor: float."""
    x = convert(input_tensor)
    require_floating("reduce_variance", x.spec)
    return reduce_mean(apply("SquaredDifference", x, reduce_mean(x, axis, keepdims=True)), axis, keepdims)


def reduce_std(input_tensor, axis=None, keepdims=False, name=None):
    """The square root of ``reduce_variance``. input_tensor: float."""
    return apply("Sqrt", reduce_variance(input_tensor, axis, keepdims))
