"""Control flow as Nodes: ``If`` runs one of its branches, ``Scan`` and ``While`` run a body again and again.

Each Node has an Op of its own: what it reads, writes and draws depends on its parts (``branch.py``). Gradients are
control flow again: of an ``If`` an ``If`` of the branches' gradients, of a ``Scan`` a ``Scan`` the other way round over
the states that the first one kept. Nobody knows beforehand how many states a ``While`` has, so ``WhileGrad`` runs the
loop once more and keeps them in a list. Bodies and branches are computed again where their gradients need it.
"""

import numpy as np

from microdl.compile.blocks import trace, traced_branches
from microdl.compile.branch import Parts, merged, or_zeros, pullback, total, wanted_inputs, zeros
from microdl.core import dtypes, nest
from microdl.core.deferred import reads_sizes
from microdl.core.op import Op, Spec
from microdl.core.tensor import apply

INDEX = Spec((), dtypes.int32)


def new_op(name, parts, first, specs, run, gradient, optional):
    """The Op of one Node. first: number of inputs before those of its parts. specs: of its outputs."""
    read = first + len(parts.shared) + len(parts.constants)
    count = read + len(parts.written)
    return Op(
        name=name,
        inputs=tuple(f"input{i}" for i in range(count)),
        infer=lambda *inputs, **attrs: tuple(specs),
        run=run,
        gradient=gradient,
        keep_inputs=frozenset(range(read)),
        keep_outputs=frozenset(range(optional, len(specs))),
        same_dtype=False,
        stateful=parts.stateful,
        mutates=frozenset(range(read, count)),
        optional=optional,
    )


def _specs(tensors):
    return [x.spec for x in tensors]


# If


@reads_sizes
def select(name, index, functions, keys):
    """What the function does whose key is the value of ``index``; the last one's if there is no such key.

    Args:
        name: for messages. index: scalar Tensor. functions: name -> function without arguments. keys: an int for each.

    Raises: TypeError if the functions do not return one structure of tensors with the same shapes and dtypes.
    """
    return join(name, index, traced_branches(name, functions), keys)


def join(name, index, traced, keys):
    """``select`` of functions that are traced already: ``traced`` holds name -> (Part, what it returned)."""
    (first, (_, structure)), *others = traced.items()
    for label, (_, other) in others:
        if _described(other) != _described(structure):
            raise TypeError(
                f"{name}: all branches must return the same structure, shapes and dtypes; {first} returns "
                f"{_described(structure)}, {label} returns {_described(other)}"
            )
    for part, returned in traced.values():
        part.outputs = [leaf for leaf in nest.flatten(returned) if leaf is not None]
    parts = Parts(*(part for part, _ in traced.values()))
    kept = [y for part in parts.parts for y in part.kept]
    count = len(parts.parts[0].outputs)
    specs = _specs([*parts.parts[0].outputs, *kept])
    op = new_op("If", parts, 1, specs, _run_if, _if_gradient, count)
    outputs = iter(apply(op, *parts.inputs(index), parts=parts, keys=tuple(keys)))
    return nest.pack_as(structure, [leaf if leaf is None else next(outputs) for leaf in nest.flatten(structure)])


def _described(structure):
    """A structure as text, with shapes and dtypes for tensors."""
    return str(nest.pack_as(structure, [_Described(leaf) for leaf in nest.flatten(structure)]))


class _Described:
    def __init__(self, leaf):
        self._text = "None" if leaf is None else f"{leaf.dtype.name}{list(leaf.shape)}"

    def __repr__(self):
        return self._text


def _run_if(kernels, index, *arrays, parts, keys):
    k = keys.index(int(index)) if int(index) in keys else -1
    part = parts.parts[k]
    first = len(parts.shared) + len(parts.constants) + len(parts.written)
    inputs, outputs = arrays[: len(parts.shared)], arrays[first:]
    if len(outputs) == len(part.outputs):
        results = part.plan.run(list(inputs))
    else:
        results = part.keeping_plan.run(list(inputs))
        before = sum(len(other.kept) for other in parts.parts[: k % len(keys)])
        start = len(part.outputs) + before
        outputs = [*outputs[: len(part.outputs)], *outputs[start : start + len(part.kept)]]
    for y, result in zip(outputs, results, strict=True):
        np.copyto(y, result)


def _if_gradient(node, *dys):
    parts, keys = node.attrs["parts"], node.attrs["keys"]
    index, shared = node.inputs[0], node.inputs[1 : 1 + len(parts.shared)]
    wanted = wanted_inputs(node, 1)
    count = len(parts.parts[0].outputs)

    def gradient_of(part, start):
        kept, end = node.outputs[start : start + len(part.kept)], start + len(part.kept)

        def gradient():
            sources = [[], *parts.sources(part, shared, kept)]
            dxs = pullback(
                part, shared, kept, [*dys[:count], *dys[start:end]], [merged(sources, group) for group in wanted]
            )
            return [or_zeros(dx, node.inputs[group[0]]) for dx, group in zip(dxs, wanted, strict=True)]

        return gradient

    functions, start = {}, count
    for part in parts.parts:
        functions[part.name] = gradient_of(part, start)
        start += len(part.kept)
    return _placed(node, wanted, select("gradient of If", index, functions, keys))


def _placed(node, wanted, gradients):
    """A gradient, or None, for each input of a Node."""
    found = {group[0]: dx for group, dx in zip(wanted, gradients, strict=True)}
    return tuple(found.get(i) for i in range(len(node.inputs)))


# Scan


def scan(name, body, carry, sequences, count, reverse=False):
    """Runs ``body`` ``count`` times.

    Args:
        name: for messages. body: (index, list of the carried Tensors, list of ``sequences[index]``) -> (list of what is
            carried on, list of what is emitted). carry: list of Tensors, as they are at first. sequences: list of
            Tensors of shape (count, ...). reverse: from the last index to the first.

    Returns: the carried Tensors at the end; the emitted ones, stacked by index: (count, ...).
    """
    specs = [INDEX, *_specs(carry), *(Spec(tuple(x.shape[1:]), x.dtype) for x in sequences)]

    def flat(index, *tensors):
        carried, emitted = body(index, list(tensors[: len(carry)]), list(tensors[len(carry) :]))
        return list(carried), list(emitted)

    part, (carried, emitted) = trace(name, flat, specs, _specs(carry))
    check_carried(name, carry, carried)
    parts = Parts(part)
    stacked = [Spec((count, *y.shape), y.dtype) for y in [*emitted, *carry, *part.kept]]
    optional = len(carry) + len(emitted)
    first = len(carry) + len(sequences)
    op = new_op("Scan", parts, first, [*_specs(carry), *stacked], _run_scan, _scan_gradient, optional)
    outputs = apply(
        op,
        *parts.inputs(*carry, *sequences),
        parts=parts,
        carried=len(carry),
        sequences=len(sequences),
        count=count,
        reverse=reverse,
    )
    return list(outputs[: len(carry)]), list(outputs[len(carry) : optional])


def check_carried(name, before, after, labels=()):
    """Raises ValueError if what a body carries on differs in shape or dtype from what it was given."""
    if len(before) != len(after):
        raise ValueError(f"{name}: {len(before)} loop variables go in, the body returns {len(after)}")
    for i, (x, y) in enumerate(zip(before, after, strict=True)):
        if x.spec != y.spec:
            label = labels[i] if labels else f"number {i}"
            raise ValueError(
                f"{name}: loop variable {label} must keep its shape and dtype: it is {_Described(x)} before and "
                f"{_Described(y)} after the body"
            )


def _run_scan(kernels, *arrays, parts, carried, sequences, count, reverse):
    (part,) = parts.parts
    first = carried + sequences + len(parts.shared)
    state, slices = list(arrays[:carried]), arrays[carried : carried + sequences]
    shared = arrays[carried + sequences : first]
    outputs = arrays[first + len(parts.constants) + len(parts.written) :]
    emits = len(part.outputs)  # those of the state among them
    emitted, kept = outputs[carried:emits], outputs[emits:]
    run = (part.keeping_plan if kept else part.plan).run
    for k in reversed(range(count)) if reverse else range(count):
        results = run([np.array(k, np.int32), *state, *(x[k, ...] for x in slices), *shared])
        _store(k, emitted, results[carried:emits])
        _store(k, kept, [*state, *results[emits:]])
        state = results[:carried]
    for y, result in zip(outputs[:carried], state, strict=True):
        np.copyto(y, result)


def _store(k, stacks, arrays):
    for stack, array in zip(stacks, arrays if stacks else (), strict=True):
        stack[k] = array


def _scan_gradient(node, *dys):
    """Backwards over the indices. The state: gradients of the state, and sums for what all indices share."""
    parts, carried, sequences, count, reverse = node.attrs.values()
    (part,) = parts.parts
    first, emits = carried + sequences, len(part.outputs)
    shared = node.inputs[first : first + len(parts.shared)]
    floats = [i for i in range(carried) if node.inputs[i].dtype.is_floating]
    of_slices = [i for i in range(carried, first) if node.wants[i] and node.inputs[i].dtype.is_floating]
    of_shared = wanted_inputs(node, first)
    wanted = [[i] for i in [*floats, *of_slices]] + of_shared
    stacks = {i: dy for i, dy in enumerate(dys) if dy is not None and i >= carried}

    def body(index, carry, slices):
        xs, states, kept, arriving = _cut(slices, sequences, carried, len(part.kept))
        arguments = [*states, *xs]
        sources = [[x.uid] for x in arguments] + parts.sources(part, shared, kept)
        dy = dict(zip([*stacks, *floats], [*arriving, *carry], strict=False))  # by the number of the output
        found = pullback(
            part,
            [index, *arguments, *shared],
            kept,
            [dy.get(i) for i in [*range(emits), *range(emits + carried, len(dys))]],
            [merged(sources, positions) for positions in wanted],
        )
        d_states, d_slices, d_shared = _cut(found, len(floats), len(of_slices))
        d_states = [total([dx, dy.get(emits + i)]) for i, dx in zip(floats, d_states, strict=True)]
        sums = [total([x, dx]) for x, dx in zip(carry[len(floats) :], d_shared, strict=True)]
        return (
            [or_zeros(dx, x) for dx, x in zip(d_states, carry, strict=False)] + sums,
            [or_zeros(dx, arguments[i]) for dx, i in zip(d_slices, of_slices, strict=True)],
        )

    start = [or_zeros(dys[i], node.inputs[i]) for i in floats] + [zeros(node.inputs[i]) for i, *_ in of_shared]
    sequences_back = [*node.inputs[carried:first], *node.outputs[emits:], *stacks.values()]
    sums, d_slices = scan(f"gradient of {part.name}", body, start, sequences_back, count, not reverse)
    return _placed(node, wanted, [*sums[: len(floats)], *d_slices, *sums[len(floats) :]])


def _cut(items, *lengths):
    """The list in pieces of these lengths, and the rest."""
    pieces, start = [], 0
    for length in lengths:
        pieces.append(items[start : start + length])
        start += length
    return [*pieces, items[start:]]


# While


def while_(name, condition, body, carry, labels=()):
    """Runs ``body`` as long as ``condition`` holds.

    Args:
        name: for messages. condition: Tensors -> scalar bool Tensor. body: Tensors -> list of as many. carry: list of
        Tensors, as they are at first. labels: names of them, for messages.

    Returns: list of them at the end.
    """
    head, holds = trace(f"{name}: cond", condition, _specs(carry))
    if getattr(holds, "spec", None) != Spec((), dtypes.bool):
        raise TypeError(f"{name}: cond must return one bool, a tensor of shape (), got {_described(holds)}")
    part, carried = trace(f"{name}: body", lambda *xs: list(body(*xs)), _specs(carry), _specs(carry))
    check_carried(name, carry, carried, labels)
    parts = Parts(head, part)
    specs = [*_specs(carry), INDEX]
    op = new_op("While", parts, len(carry), specs, _run_while, _while_gradient, len(carry))
    return list(apply(op, *parts.inputs(*carry), parts=parts, loop=name)[: len(carry)])


def _run_while(kernels, *arrays, parts, loop):
    head, part = parts.parts
    state, outputs = list(arrays[: len(part.outputs)]), arrays[len(part.outputs) :]
    shared, outputs = outputs[: len(parts.shared)], outputs[len(parts.shared) :]
    outputs = outputs[len(parts.constants) + len(parts.written) :]
    trips = 0
    while head.plan.run([*state, *shared])[0]:
        state = part.plan.run([*state, *shared])
        trips += 1
    for y, result in zip(outputs, [*state, np.int32(trips)], strict=False):
        np.copyto(y, result)


def _while_gradient(node, *dys):
    """``WhileGrad``: a part for one step back, which takes the state, what is shared, gradients and sums so far."""
    parts, name = node.attrs.values()
    _, part = parts.parts
    if part.kept:
        raise RuntimeError(
            f"{name}: the gradient runs the body again, which gives something else here: it draws random numbers, or "
            "reads a variable that it writes to. With a number of steps known beforehand it works: tf.scan, or "
            "`for i in tf.range(n)`"
        )
    carried = len(part.outputs)
    shared = node.inputs[carried : carried + len(parts.shared)]
    floats = [i for i in range(carried) if node.inputs[i].dtype.is_floating]
    wanted = [[i] for i in floats] + wanted_inputs(node, carried)

    def back(*tensors):
        arguments, gradients = tensors[: len(part.inputs)], tensors[len(part.inputs) :]
        d_state = dict(zip(floats, gradients, strict=False))
        sources = [[x.uid] for x in arguments[:carried]] + parts.sources(part, arguments[carried:], [])
        dys = [d_state.get(i) for i in range(carried)]
        found = pullback(part, arguments, [], dys, [merged(sources, group) for group in wanted])
        found = [or_zeros(dx, node.inputs[g[0]]) for dx, g in zip(found, wanted, strict=True)]
        sums = [x + dx for x, dx in zip(gradients[len(floats) :], found[len(floats) :], strict=True)]
        return found[: len(floats)] + sums

    start = [or_zeros(dys[g[0]] if g[0] < carried else None, node.inputs[g[0]]) for g in wanted]
    step, _ = trace(f"gradient of {name}", back, _specs([*part.inputs, *start]))
    back_parts = Parts(step)
    inputs = (node.outputs[carried], *node.inputs[:carried], *shared, *start)
    op = new_op("WhileGrad", back_parts, len(inputs), _specs(start), _run_while_grad, _no_second_gradient, len(start))
    outputs = apply(op, *back_parts.inputs(*inputs), parts=back_parts, body=part, loop=name)
    return _placed(node, wanted, outputs)


def _run_while_grad(kernels, trips, *arrays, parts, body, loop):
    (step,) = parts.parts
    carried, known = len(body.outputs), len(body.inputs)
    state, shared = list(arrays[:carried]), arrays[carried:known]
    gradients = list(arrays[known : len(step.inputs)])
    states = []
    for _ in range(int(trips)):
        states.append(state)
        state = body.pure_plan.run([*state, *shared])
    while states:
        gradients = step.plan.run([*states.pop(), *shared, *gradients])
    for y, dx in zip(arrays[len(arrays) - len(gradients) :], gradients, strict=True):
        np.copyto(y, dx)


def _no_second_gradient(node, *dys):
    raise RuntimeError(
        f"{node.attrs['loop']}: the gradient of its gradient is not available; with a number of steps known beforehand "
        "it is: tf.scan, tf.foldl, or `for i in tf.range(n)`"
    )
