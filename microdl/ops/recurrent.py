"""Recurrent layers over whole sequences as single ops, with gradients through time. Kernels: ``recurrent``.

Sequences come step first, (steps, batch, ...). ``x`` is what the inputs contribute, inputs @ kernel + bias, in as many
parts of ``u`` units as the cell has gates. ``keep``, (steps, batch), bool: where it is False, a sample's state passes
the step unchanged; an empty one stands for no mask. The gradients' own gradients are not available.
"""

import numpy as np

from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.shapes import size_of
from microdl.core.tensor import apply
from microdl.ops.checks import require_floating

NO_MASK = np.zeros((0, 0), np.bool_)


def _check(op, parts, x, recurrent_kernel, *states):
    """Raises the user's error for shapes that do not fit together."""
    require_floating(op, x, recurrent_kernel)
    units = recurrent_kernel.shape[0] if recurrent_kernel.rank == 2 else -1
    if recurrent_kernel.shape != (units, parts * units):
        raise InvalidArgumentError(
            f"{op}: recurrent_kernel must have shape (units, {parts} * units), got {tuple(recurrent_kernel.shape)}"
        )
    if x.rank != 3 or x.shape[2] != parts * units:
        raise InvalidArgumentError(
            f"{op}: x must have shape (steps, batch, {parts * units}) for {units} units, got {tuple(x.shape)}"
        )
    for state in states:
        if state.shape != (x.shape[1], units):
            raise InvalidArgumentError(
                f"{op}: a state must have shape (batch, units) = {(x.shape[1], units)}, got {tuple(state.shape)}"
            )
    return Spec((*x.shape[:2], units), x.dtype)


def _before(first, states):
    """The states before each step as rows: (steps * batch, u)."""
    shape = states.shape
    joined = apply("ConcatV2", apply("ExpandDims", first, axis=0), states, axis=0)
    earlier = apply("StridedSlice", joined, index=((0, -1, 1),))
    return apply("Reshape", earlier, shape=(size_of(shape[:2]), shape[2]))


def _kernel_gradient(first, states, dz):
    """The gradient of the recurrent kernel: the products of all steps, summed by one product of matrices."""
    rows = apply("Reshape", dz, shape=(size_of(dz.shape[:2]), dz.shape[2]))
    return apply("BatchMatMulV2", _before(first, states), rows, transpose_a=True, transpose_b=False)


def _or_zeros(dy, y):
    return apply("ZerosLike", y) if dy is None else dy


@register_op("SimpleRNNSequence")
class _SimpleRNNSequence:
    """h[t] = tanh(x[t] + h[t - 1] @ recurrent_kernel). Output: all states, (steps, batch, u)."""

    inputs = ("x", "recurrent_kernel", "h", "keep")
    keeps = ("recurrent_kernel", "h", "keep", "output")
    same_dtype = False
    by_shape = True

    @staticmethod
    def infer(x, recurrent_kernel, h, keep):
        return _check("SimpleRNN", 1, x, recurrent_kernel, h)

    @staticmethod
    def run(kernels, x, recurrent_kernel, h, keep, hs):
        kernels.recurrent.simple(x, recurrent_kernel, h, keep, hs)

    @staticmethod
    def gradient(node, dhs):
        (_, recurrent_kernel, h, keep), hs = node.inputs, node.outputs[0]
        dx, dh = apply("SimpleRNNSequenceGrad", dhs, recurrent_kernel, hs, keep)
        return dx, _kernel_gradient(h, hs, dx), dh, None

    @staticmethod
    def cost(x, recurrent_kernel, h, keep):
        return 2 * x.size * recurrent_kernel.shape[0], 2 * x.nbytes + recurrent_kernel.nbytes


@register_op("SimpleRNNSequenceGrad")
class _SimpleRNNSequenceGrad:
    """Outputs: dx and the gradient of the first state."""

    inputs = ("dhs", "recurrent_kernel", "hs", "keep")
    same_dtype = False
    by_shape = True

    @staticmethod
    def infer(dhs, recurrent_kernel, hs, keep):
        return hs, Spec(hs.shape[1:], hs.dtype)

    @staticmethod
    def run(kernels, dhs, recurrent_kernel, hs, keep, dx, dh):
        kernels.recurrent.simple_grad(dhs, recurrent_kernel, keep, hs, dx, dh)

    @staticmethod
    def cost(dhs, recurrent_kernel, hs, keep):
        return 2 * hs.size * recurrent_kernel.shape[0], 3 * hs.nbytes + recurrent_kernel.nbytes


@register_op("LSTMSequence")
class _LSTMSequence:
    """i, f, g, o = the parts of x[t] + h[t - 1] @ recurrent_kernel, through sigmoid, sigmoid, tanh, sigmoid;
    c = f c + i g, h = o tanh(c). Outputs: all h, all c, (steps, batch, u), and the gates, as x."""

    inputs = ("x", "recurrent_kernel", "h", "c", "keep")
    keeps = ("recurrent_kernel", "h", "c", "keep", "output", "output1", "output2")
    same_dtype = False
    by_shape = True

    @staticmethod
    def infer(x, recurrent_kernel, h, c, keep):
        states = _check("LSTM", 4, x, recurrent_kernel, h, c)
        return states, states, x

    @staticmethod
    def run(kernels, x, recurrent_kernel, h, c, keep, hs, cs, gates):
        kernels.recurrent.lstm(x, recurrent_kernel, h, c, keep, hs, cs, gates)

    @staticmethod
    def gradient(node, dhs, dcs, dgates):
        (_, recurrent_kernel, h, c, keep), (hs, cs, gates) = node.inputs, node.outputs
        dhs, dcs = _or_zeros(dhs, hs), _or_zeros(dcs, cs)
        dx, dh, dc = apply("LSTMSequenceGrad", dhs, dcs, recurrent_kernel, c, cs, gates, keep)
        return dx, _kernel_gradient(h, hs, dx), dh, dc, None

    @staticmethod
    def cost(x, recurrent_kernel, h, c, keep):
        return 2 * x.size * recurrent_kernel.shape[0], 3 * x.nbytes + recurrent_kernel.nbytes


@register_op("LSTMSequenceGrad")
class _LSTMSequenceGrad:
    """Outputs: dx and the gradients of the first h and c."""

    inputs = ("dhs", "dcs", "recurrent_kernel", "c", "cs", "gates", "keep")
    same_dtype = False
    by_shape = True

    @staticmethod
    def infer(dhs, dcs, recurrent_kernel, c, cs, gates, keep):
        return gates, c, c

    @staticmethod
    def run(kernels, dhs, dcs, recurrent_kernel, c, cs, gates, keep, dx, dh, dc):
        kernels.recurrent.lstm_grad(dhs, dcs, recurrent_kernel, c, keep, cs, gates, dx, dh, dc)

    @staticmethod
    def cost(dhs, dcs, recurrent_kernel, c, cs, gates, keep):
        return 2 * gates.size * recurrent_kernel.shape[0], 3 * gates.nbytes + recurrent_kernel.nbytes


@register_op("GRUSequence")
class _GRUSequence:
    """With s = h[t - 1] @ recurrent_kernel + bias: z = sigmoid(x_z + s_z), r = sigmoid(x_r + s_r),
    n = tanh(x_n + r s_n), h = z h + (1 - z) n. Outputs: all h, (steps, batch, u); z r n s_n, (steps, batch, 4 u)."""

    inputs = ("x", "recurrent_kernel", "bias", "h", "keep")
    keeps = ("recurrent_kernel", "h", "keep", "output", "output1")
    same_dtype = False
    by_shape = True

    @staticmethod
    def infer(x, recurrent_kernel, bias, h, keep):
        states = _check("GRU", 3, x, recurrent_kernel, h)
        return states, Spec((*x.shape[:2], 4 * states.shape[2]), x.dtype)

    @staticmethod
    def run(kernels, x, recurrent_kernel, bias, h, keep, hs, gates):
        kernels.recurrent.gru(x, recurrent_kernel, bias, h, keep, hs, gates)

    @staticmethod
    def gradient(node, dhs, dgates):
        (_, recurrent_kernel, _, h, keep), (hs, gates) = node.inputs, node.outputs
        dx, ds, dh = apply("GRUSequenceGrad", _or_zeros(dhs, hs), recurrent_kernel, h, hs, gates, keep)
        return dx, _kernel_gradient(h, hs, ds), apply("BiasAddGrad", ds), dh, None

    @staticmethod
    def cost(x, recurrent_kernel, bias, h, keep):
        return 2 * x.size * recurrent_kernel.shape[0], 4 * x.nbytes + recurrent_kernel.nbytes


@register_op("GRUSequenceGrad")
class _GRUSequenceGrad:
    """Outputs: dx, the gradient of s at each step, and that of the first state."""

    inputs = ("dhs", "recurrent_kernel", "h", "hs", "gates", "keep")
    same_dtype = False
    by_shape = True

    @staticmethod
    def infer(dhs, recurrent_kernel, h, hs, gates, keep):
        dx = Spec((*hs.shape[:2], 3 * hs.shape[2]), hs.dtype)
        return dx, dx, h

    @staticmethod
    def run(kernels, dhs, recurrent_kernel, h, hs, gates, keep, dx, ds, dh):
        kernels.recurrent.gru_grad(dhs, recurrent_kernel, h, keep, hs, gates, dx, ds, dh)

    @staticmethod
    def cost(dhs, recurrent_kernel, h, hs, gates, keep):
        return 6 * hs.size * recurrent_kernel.shape[0], 8 * hs.nbytes + recurrent_kernel.nbytes


def simple_rnn(x, recurrent_kernel, h, keep=None):
    """All states of a plain recurrent layer with tanh: (steps, batch, u). Arguments as in this module's docstring."""
    return apply("SimpleRNNSequence", x, recurrent_kernel, h, NO_MASK if keep is None else keep)


def lstm(x, recurrent_kernel, h, c, keep=None):
    """All states h and all states c of an LSTM, (steps, batch, u) each. x: (steps, batch, 4 u), parts i f g o."""
    return apply("LSTMSequence", x, recurrent_kernel, h, c, NO_MASK if keep is None else keep)[:2]


def gru(x, recurrent_kernel, bias, h, keep=None):
    """All states of a GRU, (steps, batch, u). x: (steps, batch, 3 u), parts z r n; bias: (3 u,), beside h @ kernel."""
    return apply("GRUSequence", x, recurrent_kernel, bias, h, NO_MASK if keep is None else keep)[0]
