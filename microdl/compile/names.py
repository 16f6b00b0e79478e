"""What symbolic tensors are called when they are printed: as TensorFlow names them in a function.

An argument has its parameter's name, a result that of its op as TensorFlow's Python calls it; a name that was taken
before gets a number. So ``print(x)`` in a function shows ``Tensor("x:0", shape=(), dtype=float32)``.
"""

from inspect import Parameter

from microdl.core import nest
from microdl.core.tensor import Tensor

NAMES = {  # of ops whose results have another name than the op
    "AddV2": "add", "BatchMatMulV2": "MatMul", "ConcatV2": "concat", "FloorDiv": "floordiv", "Mul": "mul",
    "OneHot": "one_hot", "Pack": "stack", "Pow": "pow", "RealDiv": "truediv", "StridedSlice": "strided_slice",
    "Sub": "sub", "Transpose": "transpose", "Unpack": "unstack",
}  # fmt: skip


def of_arguments(signature, args, kwargs):
    """The names of the Tensors among the arguments of a function, in their order."""
    taken, found = {}, []
    for name, value in signature.bind(*args, **kwargs).arguments.items():
        named = {name: value}
        if signature.parameters[name].kind is Parameter.VAR_POSITIONAL:
            named = {f"{name}_{k}": one for k, one in enumerate(value)}
        elif signature.parameters[name].kind is Parameter.VAR_KEYWORD:
            named = value
        for label, leaves in named.items():
            found += [_unused(label, taken) for leaf in nest.flatten(leaves) if isinstance(leaf, Tensor)]
    return found


def of_tensor(nodes, arguments, tensor):
    """A Tensor's name, ``add_1:0``; None for one from elsewhere.

    Args: nodes: of the graph, in order. arguments: id of an input -> its name.
    """
    if id(tensor) in arguments:
        return f"{arguments[id(tensor)]}:0"
    taken = dict.fromkeys(map(str.lower, arguments.values()), 1)
    for node in nodes:
        if node.op.name == "ReadVariableOp":
            continue
        name = _unused(NAMES.get(node.op.name, node.op.name), taken)
        for k, y in enumerate(node.outputs):
            if y is tensor:
                return f"{name}:{k}"
    return None


def _unused(name, taken):
    """``name``, with a number if it was taken before in letters of any case. taken: how often each was."""
    count = taken.get(name.lower(), 0)
    taken[name.lower()] = count + 1
    return f"{name}_{count}" if count else name
