"""Masks: which steps of a sequence count. They travel beside tensors, from layer to layer, up to losses and metrics.

A mask is a bool Tensor of the leading axes of the tensor that it belongs to, as a rule (batch, steps); False marks
padding. Tensors know nothing of it: a table here has those that have one, as long as they live.
"""

import weakref

from microdl.core.deferred import reads_sizes
from microdl.core.tensor import Tensor
from microdl.ops import array, math

_masks = {}  # uid of a Tensor -> (its mask, weak reference to the Tensor that takes the entry out again)


def get(tensor):
    """The mask of a Tensor, or None; for lists, tuples and dicts a list of their masks, or None if there is none."""
    if not _masks:
        return None
    if isinstance(tensor, dict):
        tensor = list(tensor.values())
    if isinstance(tensor, (list, tuple)):
        masks = [get(part) for part in tensor]
        return masks if any_of(masks) else None
    found = _masks.get(tensor.uid) if isinstance(tensor, Tensor) else None
    return None if found is None else found[0]


def put(tensor, mask):
    """Gives a Tensor a mask; None takes it away."""
    uid = tensor.uid
    if mask is None:
        _masks.pop(uid, None)
    else:
        _masks[uid] = mask, weakref.ref(tensor, lambda _: _masks.pop(uid, None))


def known():
    """Whether any Tensor has a mask."""
    return bool(_masks)


def any_of(mask):
    """Whether a mask, or a nested list of them, is there at all."""
    return any(map(any_of, mask)) if isinstance(mask, list) else mask is not None


@reads_sizes
def weights_of(mask, values, sample_weight, mean):
    """The weights of ``values`` where a mask belongs to them: ``sample_weight`` where it holds, else 0.

    Args:
        mask: bool, leading axes of ``values``. sample_weight: Tensor that fits them, or None for 1.
        mean: whether to make up for what is left out: sum(weights * values) / count of all values is then the mean
            over those where the mask holds.
    """
    weight = array.cast(mask, values.dtype)
    if mean:
        weight = weight * math.divide_no_nan(float(weight.spec.size), math.reduce_sum(weight))
    if weight.ndim > values.ndim:
        weight = array.squeeze(weight, axis=-1)
    if weight.ndim < values.ndim:
        weight = array.reshape(weight, (*weight.shape, *[1] * (values.ndim - weight.ndim)))
    return weight if sample_weight is None else weight * sample_weight
