"""Reverse-mode differentiation: one walk over Nodes for tapes, functions and graphs.

Griewank and Walther, "Evaluating Derivatives", 2008, section 3.2. Gradients are made of ops, so a tape that is still
recording sees them and can be differentiated again.
"""

from copy import copy

from microdl.core.context import in_phase
from microdl.core.errors import InvalidArgumentError
from microdl.core.tensor import apply, convert


@in_phase("backward")
def backpropagate(nodes, targets, source_ids, seeds, release=False, refusals=None):
    """Gradients of ``sum(targets * seeds)`` with respect to the sources.

    Args:
        nodes: list of Nodes in the order in which they ran.
        targets: Tensors. seeds: a Tensor (or None for ones) for each of them.
        source_ids: uids of the tensors and variables to differentiate with respect to.
        release: remove each node from ``nodes`` when the walk has passed it, which frees the values it kept.
        refusals: list to which a text is added for each gradient that an op did not give.

    Returns: a list with a Tensor for each source, or None where no path leads from it to a target.
    """
    reached = reachable(links(nodes), source_ids)
    pending = {}  # uid -> gradients that arrived so far
    for target, seed in zip(targets, seeds, strict=True):
        if target.uid in reached:
            pending.setdefault(target.uid, []).append(apply("OnesLike", target) if seed is None else seed)
    found = {}
    wanted = set(source_ids)
    for position in range(len(nodes) - 1, -1, -1):
        node = nodes.pop() if release else copy(nodes[position])  # ``wants`` belongs to this walk
        dys, arrived = [], False
        for uid in node.output_ids:
            dy = _total(pending.pop(uid, None))  # complete: every use comes after this node
            dys.append(dy)
            arrived = arrived or dy is not None
            if uid in wanted:
                found[uid] = dy
        if not arrived or reached.isdisjoint(node.input_ids):
            continue
        node.wants = tuple(map(reached.__contains__, node.input_ids))
        dxs = node.op.gradient(node, *dys)
        if type(dxs) is not tuple:
            dxs = (dxs,)
        if len(dxs) != len(node.input_ids):
            raise RuntimeError(f"{node.op.name}: gradient gives {len(dxs)} values for {len(node.input_ids)} inputs")
        for i, (uid, dx) in enumerate(zip(node.input_ids, dxs, strict=True)):
            if uid not in reached:
                continue
            if dx is not None:
                pending.setdefault(uid, []).append(dx)
            elif refusals is not None:
                refusals.append(f"the gradient of the op {node.op.name} gives None for {node.op.input_name(i)}")
    return [found[uid] if uid in found else _total(pending.get(uid)) for uid in source_ids]


def links(nodes):
    """(input uids, output uids) of each Node."""
    return [(node.input_ids, node.output_ids) for node in nodes]


def reachable(links, source_ids):
    """uids of the sources and of everything computed from them."""
    reached = set(source_ids)
    for input_ids, output_ids in links:
        if not reached.isdisjoint(input_ids):
            reached.update(output_ids)
    return reached


def checked_seed(target, seed):
    """``seed``, the gradient that arrives at ``target``, as a Tensor like it; None (ones) as it is."""
    if seed is None:
        return None
    seed = convert(seed, hint=target.dtype)
    if seed.spec != target.spec:
        raise InvalidArgumentError(
            f"gradient: output_gradients has shape {seed.shape} and dtype {seed.dtype.name}, "
            f"its target {target.shape} and {target.dtype.name}"
        )
    return seed


def _total(gradients):
    """The sum of the gradients that arrived over several paths."""
    if not gradients:
        return None
    return gradients[0] if len(gradients) == 1 else apply("AddN", *gradients)
