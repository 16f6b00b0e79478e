"""Several Nodes as one: a matrix product or a convolution takes along what is done to its result.

Each pass looks for a chain in which every result has one user (and is not returned), and puts one Node in its place.
"""

from typing import Any

from microdl.compile.program import new_node
from microdl.core import device


def fuse_pooled_convolutions(program):
    """Conv2D, BiasAdd, and Relu and MaxPool of 2 x 2 in either order; behind them ReluGrad, MaxPoolGrad, BiasAddGrad.

    relu(max(window)) = max(relu(window)), so the order does not matter. In the gradient it is the place of the winner
    that counts, and that there is none where relu cut it off.
    """
    for pool in _each(program, "MaxPool"):
        chain = _Chain(program)
        found = _pooled_convolution(chain, pool)
        if found is None:
            continue
        conv, bias, relu, y, grads = found
        fused = new_node("_FusedConv2DPool", (*conv.inputs, bias.inputs[1]), conv.attrs)
        replacements = {id(y): fused.outputs[0]}
        dropped = [conv, bias, relu, pool]
        made = {}
        for arriving, unpooled, leaving, nodes in grads:
            grad = new_node("_FusedBiasReluPoolGrad", (arriving, fused.outputs[1]), {"size": unpooled.attrs["size"]})
            made[id(nodes[-1])] = grad
            replacements[id(leaving)] = grad.outputs[0]
            dropped += nodes
            for user in chain.users.get(id(leaving), ()):
                if user.op.name == "BiasAddGrad":
                    replacements[id(user.outputs[0])] = grad.outputs[1]
                    dropped.append(user)
        made[id(pool if relu is chain.producer(pool.inputs[0]) else relu)] = fused
        _put(program, made, replacements, dropped)


def _pooled_convolution(chain, pool):
    """(Conv2D, BiasAdd, Relu, the Tensor that comes out, gradients) around a MaxPool, or None.

    gradients: (Tensor that arrives, MaxPoolGrad, Tensor that leaves, Nodes in order) for each.
    """
    x, (y, winner) = pool.inputs[0], pool.outputs
    if pool.attrs["ksize"] != (2, 2) or pool.attrs["strides"] != (2, 2) or not _covers(pool, x):
        return None
    unpools = chain.users.get(id(winner), [])
    if id(winner) in chain.returned or any(node.op.name != "MaxPoolGrad" for node in unpools):
        return None
    grads = []
    before = chain.producer(x)
    if before is not None and before.op.name == "Relu":  # relu first
        relu, out, allowed = before, y, []
        for unpool in unpools:
            (grad,) = chain.only_user(unpool.outputs[0], "ReluGrad") or (None,)
            if grad is None or grad.inputs[0] is not unpool.outputs[0] or grad.inputs[1] is not x:
                return None
            grads.append((unpool.inputs[0], unpool, grad.outputs[0], [unpool, grad]))
            allowed.append(grad)
        if not chain.used_by(x, [pool, *allowed]):
            return None
        bias = chain.producer(relu.inputs[0])
        inner = relu.inputs[0], relu
    else:
        (relu,) = chain.only_user(y, "Relu") or (None,)
        if relu is None:
            return None
        out, bias = relu.outputs[0], before
        for unpool in unpools:
            grad = chain.producer(unpool.inputs[0])
            if grad is None or grad.op.name != "ReluGrad" or grad.inputs[1] is not out:
                return None
            if not chain.used_by(grad.outputs[0], [unpool]):
                return None
            grads.append((grad.inputs[0], unpool, unpool.outputs[0], [grad, unpool]))
        inner = x, pool
    if bias is None or bias.op.name != "BiasAdd" or not chain.used_by(inner[0], [inner[1]]):
        return None
    conv = chain.producer(bias.inputs[0])
    if conv is None or conv.op.name != "Conv2D" or not chain.used_by(conv.outputs[0], [bias]):
        return None
    return conv, bias, relu, out, grads


def _covers(pool, x):
    """Whether the windows lie as with VALID padding: those of SAME do if both sizes are even."""
    padding = pool.attrs["padding"]
    return padding == "VALID" or (padding == "SAME" and x.shape[1] % 2 == 0 and x.shape[2] % 2 == 0)


def skip_zeros(program):
    """_FusedBiasReluPoolGrad whose dz meets a convolution's gradients alone: these read the winners themselves.

    Of the four elements of a window at most one is not zero; where that pays (``kernels/cpu/pooled.py``), dz is never
    written.
    """
    for unpool in _each(program, "_FusedBiasReluPoolGrad"):
        chain = _Chain(program)
        (dy, winner), (dz, dbias) = unpool.inputs, unpool.outputs
        users = chain.users.get(id(dz), [])
        if id(dz) in chain.returned or not all(_skips_zeros(user, dz) for user in users):
            continue
        made, replacements = [], {}
        for user in users:
            attrs = {"padding": user.attrs["padding"]}
            if user.op.name == "Conv2DGradFilter":
                attrs["window"] = user.attrs["window"]
                made.append(new_node("_Conv2DPoolGradFilter", (user.inputs[0], dy, winner), attrs))
                replacements[id(dbias)] = made[-1].outputs[1]
            else:
                attrs["size"] = user.attrs["size"]
                made.append(new_node("_Conv2DPoolGradInput", (dy, winner, user.inputs[1]), attrs))
            replacements[id(user.outputs[0])] = made[-1].outputs[0]
        dbias_used = id(dbias) in chain.returned or id(dbias) in chain.users
        place = next(k for k, node in enumerate(program.nodes) if node is unpool)
        later = {id(y) for node in program.nodes[place:] for y in node.outputs}
        ready = not any(id(x) in later for node in made for x in node.inputs)
        if users and ready and (id(dbias) in replacements or not dbias_used):
            # In the place of dz, not of those that read it: dbias may be needed before the filter's gradient is.
            program.nodes[place:place] = made
            program.replaced(replacements, [unpool, *users])


def _skips_zeros(node, dz):
    """Whether a Node is a gradient of a convolution for which ``kernels/cpu/pooled.py`` is the quicker way."""
    if node.op.name not in ("Conv2DGradFilter", "Conv2DGradInput") or node.attrs["strides"] != (1, 1):
        return False
    is_filter = node.op.name == "Conv2DGradFilter"
    other = node.inputs[0] if is_filter else node.inputs[1]
    shape = (*node.attrs["window"], other.spec.shape[3], dz.spec.shape[3]) if is_filter else other.spec.shape
    takes_dz = node.inputs[1] is dz and other is not dz if is_filter else node.inputs[0] is dz and other is not dz
    kernels: Any = device.current.kernels
    return takes_dz and node.attrs["dilations"] == (1, 1) and kernels.pooled.pays(shape)


_TAKES_ALONG = {"BatchMatMulV2": "_FusedMatMul", "Conv2D": "_FusedConv2D"}


def fuse_bias_and_activation(program):
    """A matrix product or a convolution with the BiasAdd behind it, and the Relu behind that."""
    for bias in _each(program, "BiasAdd"):
        chain = _Chain(program)
        product = chain.producer(bias.inputs[0])
        if product is None or product.op.name not in _TAKES_ALONG or not chain.used_by(bias.inputs[0], [bias]):
            continue
        if product.op.name == "BatchMatMulV2" and not _one_matrix(product):
            continue
        (relu,) = chain.only_user(bias.outputs[0], "Relu") or (None,)
        attrs = {**product.attrs, "activation": "relu" if relu else ""}
        last = relu or bias
        fused = new_node(_TAKES_ALONG[product.op.name], (*product.inputs, bias.inputs[1]), attrs)
        dropped = [product, bias, relu] if relu else [product, bias]
        _put(program, {id(last): fused}, {id(last.outputs[0]): fused.outputs[0]}, dropped)


def _one_matrix(product):
    """Whether the right factor is a single matrix, and the left one too if it is transposed."""
    a, b = product.inputs
    floating = a.dtype.is_floating
    return floating and b.spec.rank == 2 and (a.spec.rank == 2 or not product.attrs["transpose_a"])


def _each(program, name):
    """The Nodes of an op, each as it stands when its turn comes: rewriting may have given it other inputs."""
    for y in [node.outputs[0] for node in program.nodes if node.op.name == name]:
        yield from [node for node in program.nodes if node.outputs and node.outputs[0] is y]


class _Chain:
    """Who makes and who uses the Tensors of a Program."""

    def __init__(self, program):
        self.users, self._producers = program.users(), program.producers()
        self.returned = program.output_ids()

    def producer(self, tensor):
        return self._producers.get(id(tensor))

    def used_by(self, tensor, nodes):
        """Whether nobody but ``nodes`` takes a Tensor."""
        return id(tensor) not in self.returned and all(
            any(user is node for node in nodes) for user in self.users.get(id(tensor), ())
        )

    def only_user(self, tensor, name):
        """[Node] if a Tensor has one user and that is an op ``name``, else None."""
        users = self.users.get(id(tensor), [])
        fits = id(tensor) not in self.returned and len(users) == 1 and users[0].op.name == name
        return users if fits else None


def _put(program, made, replacements, dropped):
    """Puts new Nodes in the places of old ones: ``made`` maps ids of Nodes to those that come instead."""
    program.nodes = [made.get(id(node), node) for node in program.nodes]
    program.replaced(replacements, [node for node in dropped if id(node) not in made])
