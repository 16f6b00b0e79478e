"""Rewriting a Program: what need not run goes, what is known is computed now, what is equal is computed once."""

import numpy as np

from microdl.compile.elementwise import fuse_elementwise
from microdl.compile.fusion import fuse_bias_and_activation, fuse_pooled_convolutions, skip_zeros
from microdl.compile.program import constant_array, new_node, with_inputs, with_outputs
from microdl.core import device
from microdl.core.context import context
from microdl.core.tensor import Tensor


def prune(program):
    """Drops Nodes that nothing needs: neither an output, nor a write to a variable, nor a stateful op.

    Of the others it drops the outputs that are optional, unless somebody reads one.
    """
    needed = program.output_ids()
    kept = []
    for node in reversed(program.nodes):
        if node.op.mutates or node.op.stateful or any(id(y) in needed for y in node.outputs):
            optional = node.outputs[node.op.optional :] if node.op.optional is not None else ()
            if optional and not any(id(y) in needed for y in optional):
                node = with_outputs(node, node.outputs[: node.op.optional])
            kept.append(node)
            needed.update(map(id, node.inputs))
    program.nodes = kept[::-1]


_FILLED = {"ZerosLike": 0, "OnesLike": 1}  # what they give depends on the shape alone


def fold_constants(program):
    """Computes now what depends on constants alone."""
    known = {}
    for node in program.nodes:
        if node.op.name in _FILLED:
            spec = node.outputs[0].spec
            array = np.full(spec.shape, _FILLED[node.op.name], spec.dtype.as_numpy_dtype)
            known[id(node.outputs[0])] = Tensor(spec, array)
            continue
        if node.op.mutates or node.op.stateful or node.op.name == "ReadVariableOp":
            continue
        inputs = [known.get(id(x), x) for x in node.inputs]
        if node.outputs and all(x.array is not None for x in inputs):
            arrays = device.current.run(
                node.op, list(map(constant_array, inputs)), [y.spec for y in node.outputs], node.attrs
            )
            for y, array in zip(node.outputs, arrays, strict=True):
                known[id(y)] = Tensor(y.spec, array)
    program.replaced(known, [node for node in program.nodes if node.outputs and id(node.outputs[0]) in known])


def merge_equal(program):
    """Common subexpressions: of two Nodes that compute the same from the same inputs the later one goes."""
    seen, replacements, dropped = {}, {}, []
    for node in program.nodes:
        if node.op.mutates or node.op.stateful or not node.outputs or node.op.name == "ReadVariableOp":
            continue
        inputs = tuple(_name(replacements.get(id(x), x)) for x in node.inputs)
        key = node.op.name, inputs, tuple(sorted(node.attrs.items(), key=lambda item: item[0]))
        try:
            first = seen.setdefault(key, node)
        except TypeError:  # an attribute that cannot be a key
            continue
        if first is not node:
            dropped.append(node)
            replacements.update((id(y), one) for y, one in zip(node.outputs, first.outputs, strict=True))
    program.replaced(replacements, dropped)


def _name(tensor):
    """What a Tensor is known by; small constants by their value."""
    if tensor.array is not None and tensor.array.size <= 1:
        return tensor.spec, tensor.host_array().tobytes()
    return id(tensor)


def tidy(program):
    """Algebra: x + 0, x - 0, x * 1, x / 1, casts to the same dtype, sums of one, reshapes to the same shape."""
    replacements, dropped = {}, []
    for node in program.nodes:
        x = _same_as(node)
        if x is not None and x.spec == node.outputs[0].spec:
            replacements[id(node.outputs[0])] = x
            dropped.append(node)
    program.replaced(replacements, dropped)


_NEUTRAL = {"AddV2": 0, "Sub": 0, "Mul": 1, "RealDiv": 1}


def _same_as(node):
    """The input that an op gives back as it is, or None."""
    name = node.op.name
    if name in ("Identity", "StopGradient", "Reshape", "Cast", "BroadcastTo", "ExpandDims", "Squeeze") or (
        name == "AddN" and len(node.inputs) == 1
    ):
        return node.inputs[0]
    if name in _NEUTRAL:
        x, y = node.inputs
        if _is_filled(y, _NEUTRAL[name]):
            return x
        if name in ("AddV2", "Mul") and _is_filled(x, _NEUTRAL[name]):
            return y
    return None


def _is_filled(tensor, value):
    """Whether a constant holds nothing but ``value``."""
    array = tensor.array
    return array is not None and array.size > 0 and bool(np.all(array == value))


def protect(program):
    """Copies values of variables that are needed after the variable was written to, or that are returned."""
    last_use, aliases = {}, {}  # id of a Tensor -> position of its last use; of a view -> what it is a view of
    for position, node in enumerate(program.nodes):
        if node.op.view and node.op.name != "ReadVariableOp":
            aliases[id(node.outputs[0])] = node.inputs[0]
        for x in node.inputs:
            _mark(x, position, last_use, aliases)
    for y in program.outputs:
        _mark(y, len(program.nodes), last_use, aliases)
    written = {}  # uid of a Variable -> positions
    for position, node in enumerate(program.nodes):
        for i in node.op.written(len(node.inputs)) if node.op.mutates else ():
            written.setdefault(node.inputs[i].uid, []).append(position)
    nodes, copies = [], {}
    for position, node in enumerate(program.nodes):
        if any(id(x) in copies for x in node.inputs):
            node = with_inputs(node, tuple(copies.get(id(x), x) for x in node.inputs))
        nodes.append(node)
        if node.op.name == "ReadVariableOp":
            (y,), used = node.outputs, last_use.get(id(node.outputs[0]), -1)
            if used == len(program.nodes) or any(position < at <= used for at in written.get(y.uid, ())):
                nodes.append(new_node("DeepCopy", (y,), {}))
                (copies[id(y)],) = nodes[-1].outputs
    program.nodes, program.outputs = nodes, [copies.get(id(y), y) for y in program.outputs]


def _mark(tensor, position, last_use, aliases):
    while tensor is not None:
        last_use[id(tensor)] = position
        tensor = aliases.get(id(tensor))


PASSES = (  # what follows them depends on the device: ``fuse_elementwise``
    prune,
    fold_constants,
    tidy,
    merge_equal,
    prune,
    fuse_pooled_convolutions,
    skip_zeros,
    fuse_bias_and_activation,
)


FOR_THE_CPU = (skip_zeros,)  # its kernels have no twins


def optimize(program, where=device.the_cpu):
    """All passes, in their order, for a plan on the device ``where``."""
    around, context.device = context.device, device.the_cpu  # of what passes compute
    try:
        for improve in PASSES:
            if where is device.the_cpu or improve not in FOR_THE_CPU:
                improve(program)
        fuse_elementwise(program, where.kernels)
        prune(program)
    finally:
        context.device = around
    protect(program)
    return program
