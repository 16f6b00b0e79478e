"""Clipping by norm, and the norm of a whole set of gradients."""

from microdl.core.op import Spec, register_op
from microdl.core.tensor import apply, convert
from microdl.ops.checks import require_floating, sorted_axes


@register_op("L2Loss")
class _L2Loss:
    inputs = ("t",)
    keeps = ("t",)

    @staticmethod
    def infer(t):
        require_floating("L2Loss", t)
        return Spec((), t.dtype)

    @staticmethod
    def run(kernels, t, y):
        kernels.optimizer.l2_loss(t.ravel(), y.reshape(1))

    @staticmethod
    def gradient(node, dy):
        return node.inputs[0] * dy

    @staticmethod
    def cost(t):
        return 2 * t.size, t.nbytes


def l2_loss(t, name=None):
    """sum(t^2) / 2, a scalar, for a float tensor ``t`` of any shape."""
    return apply("L2Loss", t)


def global_norm(t_list, name=None):
    """The Euclidean norm of all the tensors' elements together, a scalar; None entries are left out."""
    norms = [l2_loss(t) for t in t_list if t is not None]
    if not norms:
        raise ValueError("global_norm: no tensor was given, or only None")
    total = norms[0]
    for part in norms[1:]:
        total = total + part
    return apply("Sqrt", total * 2.0)


def clip_by_norm(t, clip_norm, axes=None, name=None):
    """``t``, shortened to a Euclidean norm of at most ``clip_norm`` (> 0): t clip_norm / max(norm, clip_norm).

    axes: those of which each slice has a norm of its own; None: the norm is that of the whole tensor.
    """
    t = convert(t)
    if axes is None:
        return t * clip_norm / apply("Maximum", global_norm([t]), clip_norm)
    axes = sorted_axes("clip_by_norm", axes, t.ndim)
    length = apply("Sqrt", apply("Sum", apply("Square", t), axis=axes, keepdims=True))
    return t * clip_norm / apply("Maximum", length, clip_norm)


def clip_by_global_norm(t_list, clip_norm, use_norm=None, name=None):
    """All tensors, shortened by one factor so that their common norm is at most ``clip_norm``.

    Args:
        t_list: tensors; None entries stay None. clip_norm: > 0. use_norm: the common norm, if it is known already.

    Returns: list of the clipped tensors, and the common norm before clipping. A norm of infinity or NaN makes all NaN.
    """
    norm = global_norm(t_list) if use_norm is None else convert(use_norm)
    shrink = clip_norm / apply("Maximum", norm, clip_norm) + (norm - norm)
    return [None if t is None else convert(t) * shrink for t in t_list], norm
