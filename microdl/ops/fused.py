"""What a plan makes of several ops: a product or convolution with what follows it, in one pass over memory.

Nobody applies these ops by hand; ``compile/fusion.py`` puts them in the place of the ops that the docstrings name. They
have no gradient: the gradients have been taken by then.
"""

import math

from microdl.core import dtypes
from microdl.core.op import Spec, register_op
from microdl.ops.broadcast import layout
from microdl.ops.convolution import _Conv2D, _geometry
from microdl.ops.linalg import _BatchMatMul

ACTIVATIONS = ("", "relu")


@register_op("_FusedMatMul")
class _FusedMatMul:
    """activation(op(a) op(b) + bias), BatchMatMulV2 with BiasAdd and Relu; ``b`` is one matrix."""

    inputs = ("a", "b", "bias")
    by_shape = True

    @staticmethod
    def infer(a, b, bias, activation, **transposes):
        return _BatchMatMul.infer(a, b, **transposes)

    @staticmethod
    def run(kernels, a, b, bias, c, activation, transpose_a, transpose_b):
        rows = math.prod(c.shape[:-1])  # not -1, which cannot be worked out where a size is 0
        left = a[None] if transpose_a else a.reshape(1, rows, a.shape[-1])
        out = c.reshape(1, rows, c.shape[-1])
        kernels.matmul.matmul_bias(left, b[None], transpose_a, transpose_b, bias, ACTIVATIONS.index(activation), out)

    @staticmethod
    def cost(a, b, bias, activation, **transposes):
        flops, moved = _BatchMatMul.cost(a, b, **transposes)
        return flops, moved + bias.nbytes


@register_op("_FusedConv2D")
class _FusedConv2D:
    """activation(conv2d(input, filter) + bias): Conv2D with BiasAdd and Relu."""

    inputs = ("input", "filter", "bias")
    by_shape = True

    @staticmethod
    def infer(x, w, bias, activation, **windows):
        return _Conv2D.infer(x, w, **windows)

    @staticmethod
    def run(kernels, x, w, bias, y, activation, strides, padding, dilations):
        geometry = _geometry("conv2d", x.shape[1:3], w.shape[:2], strides, padding, dilations)
        kernels.convolution.conv2d_bias(x, w, bias, activation == "relu", *geometry, y)

    @staticmethod
    def cost(x, w, bias, activation, **windows):
        flops, moved = _Conv2D.cost(x, w, **windows)
        return flops, moved + bias.nbytes


@register_op("_FusedConv2DPool")
class _FusedConv2DPool:
    """Conv2D, BiasAdd, Relu and a MaxPool of 2 x 2, in which Relu and MaxPool may change places.

    Outputs: y, and for each window the place 2*i + j of its maximum, 4 where that is not above zero: uint8.
    """

    inputs = ("input", "filter", "bias")
    by_shape = True

    @staticmethod
    def infer(x, w, bias, **windows):
        n, h, width, o = _Conv2D.infer(x, w, **windows).shape
        shape = n, h // 2, width // 2, o
        return Spec(shape, x.dtype), Spec(shape, dtypes.uint8)

    @staticmethod
    def run(kernels, x, w, bias, y, winner, strides, padding, dilations):
        geometry = _geometry("conv2d", x.shape[1:3], w.shape[:2], strides, padding, dilations)
        kernels.convolution.conv2d_bias_relu_pool(x, w, bias, *geometry, y, winner)

    @staticmethod
    def cost(x, w, bias, **windows):
        flops, _ = _Conv2D.cost(x, w, **windows)
        y, winner = _FusedConv2DPool.infer(x, w, bias, **windows)
        return flops, x.nbytes + w.nbytes + y.nbytes + winner.nbytes


@register_op("_FusedBiasReluPoolGrad")
class _FusedBiasReluPoolGrad:
    """ReluGrad, MaxPoolGrad and BiasAddGrad behind a ``_FusedConv2DPool``. Outputs: dz, dbias.

    ``size`` is (height, width) of dz, the gradient to what the convolution gave.
    """

    inputs = ("dy", "winner")
    by_shape = True
    same_dtype = False

    @staticmethod
    def infer(dy, winner, size):
        return Spec((dy.shape[0], *size, dy.shape[3]), dy.dtype), Spec((dy.shape[3],), dy.dtype)

    @staticmethod
    def run(kernels, dy, winner, dz, dbias, size):
        kernels.fused.bias_relu_pool_grad(dy, winner, dz, dbias)

    @staticmethod
    def cost(dy, winner, size):
        return 5 * dy.size, dy.nbytes + winner.nbytes + 4 * dy.nbytes


@register_op("_Conv2DPoolGradFilter")
class _Conv2DPoolGradFilter:
    """``_FusedBiasReluPoolGrad`` with Conv2DGradFilter, which multiplies winners alone. Outputs: dw, dbias.

    A NaN or an infinity among the pixels reaches dw only where a winner meets it; the dense gradient makes a NaN of its
    product with each zero, too.
    """

    inputs = ("input", "dy", "winner")
    by_shape = True
    same_dtype = False

    @staticmethod
    def infer(x, dy, winner, window, padding):
        return Spec((*window, x.shape[3], dy.shape[3]), x.dtype), Spec((dy.shape[3],), dy.dtype)

    @staticmethod
    def run(kernels, x, dy, winner, dw, dbias, window, padding):
        pad = _geometry("conv2d", x.shape[1:3], window, (1, 1), padding, (1, 1))[2]
        kernels.pooled.conv2d_pool_grad_filter(x, dy, winner, pad, dw, dbias)

    @staticmethod
    def cost(x, dy, winner, window, padding):
        dw = _Conv2DPoolGradFilter.infer(x, dy, winner, window, padding)[0]
        return 2 * dy.size * window[0] * window[1] * x.shape[3], x.nbytes + dy.nbytes + winner.nbytes + dw.nbytes


@register_op("_Conv2DPoolGradInput")
class _Conv2DPoolGradInput:
    """``_FusedBiasReluPoolGrad`` with Conv2DGradInput, which multiplies winners alone. ``size``: of the images."""

    inputs = ("dy", "winner", "filter")
    by_shape = True
    same_dtype = False

    @staticmethod
    def infer(dy, winner, w, size, padding):
        return Spec((dy.shape[0], *size, w.shape[2]), dy.dtype)

    @staticmethod
    def run(kernels, dy, winner, w, dx, size, padding):
        pad = _geometry("conv2d", size, w.shape[:2], (1, 1), padding, (1, 1))[2]
        kernels.pooled.conv2d_pool_grad_input(dy, winner, w, pad, dx)

    @staticmethod
    def cost(dy, winner, w, size, padding):
        dx = _Conv2DPoolGradInput.infer(dy, winner, w, size, padding)
        return 2 * dy.size * w.size // max(1, w.shape[3]), dy.nbytes + winner.nbytes + w.nbytes + dx.nbytes


@register_op("_FusedElementwise")
class _FusedElementwise:
    """Elementwise ops as one kernel, which was generated for them (``compile/elementwise.py``).

    formula: what the kernel computes, as ``kernels/cpu/formula.py`` takes it: (inputs, steps, results). shapes: the
    outputs' and those of the inputs that are stretched to it, or empty. outputs: their Specs.
    """

    inputs = ("inputs*",)
    by_shape = True
    same_dtype = False

    @staticmethod
    def infer(*inputs, formula, shapes, outputs):
        return outputs

    @staticmethod
    def run(kernels, *arrays, formula, shapes, outputs):
        kernel = kernels.formula.kernel_for(*formula)
        inputs, written = arrays[: -len(outputs)], arrays[-len(outputs) :]
        table = (layout(*shapes),) if shapes else ()
        kernel(*[x.ravel() for x in inputs], *table, *[y.ravel() for y in written])

    @staticmethod
    def cost(*inputs, formula, shapes, outputs):
        return len(formula[1]) * outputs[0].size, sum(spec.nbytes for spec in (*inputs, *outputs))
