"""Placeholders of unknown rank: what is built on them tells which shapes to find the results' shapes out with.

``x = tf.placeholder(tf.float32)`` is a scalar, a vector or a matrix in the samples that a graph starts with. Where none
of them suits, as in ``tf.matmul(x, w)``, shapes are tried that are made of the sizes which meet ``x`` there. Those that
suit make further samples, of two ranks if there are so many: then the result's rank is unknown, too.
"""

from microdl.compile.open import _GIVEN_UP, SAMPLES
from microdl.core import nest
from microdl.core.op import Spec
from microdl.core.tensor import Tensor

RANKS = 2  # that are looked for: more would say the same


def widened(graph, call):
    """Adds samples in which ``call`` can be made. Returns whether there are any."""
    before = _before(graph, call)
    free = [x for x in graph.unshaped if x.op in before]
    found = {}
    for varied in [[x] for x in free] + [free] * (len(free) > 1):
        for base, size in list(zip(graph.samples, graph.sizes, strict=True)):
            if size in SAMPLES[:2]:
                for shape in _shapes(call, _depending(before, varied), base, size):
                    key = size, len(shape)
                    if key not in found and sum(other == size for other, _ in found) < RANKS:
                        sample = _sample(graph, before, base, varied, shape)
                        if _made(sample, call) is not None:
                            found[key] = base, varied, shape
        if found:
            break
    for (size, _), choice in found.items():
        _add(graph, _sample(graph, graph.calls, *choice), size)
    return bool(found)


def _before(graph, call):
    """The Operations that ``call`` follows from, in order."""
    known, waiting = set(), list(call.inputs)
    while waiting:
        x = waiting.pop()
        if isinstance(x, Tensor) and id(x.op) not in known:
            known.add(id(x.op))
            waiting += x.op.inputs
    return [op for op in graph.calls if id(op) in known]


def _depending(calls, tensors):
    """The ids of Tensors and of what follows from them."""
    found = set(map(id, tensors))
    for call in calls:
        if any(id(x) in found for x in call.inputs):
            found.update(map(id, call.outputs))
    return found


def _shapes(call, depending, base, size):
    """Shapes to try, of sizes that ``call``'s other inputs have; none where one of these has no value."""
    others = [x for x in call.inputs if id(x) not in depending]
    if any(isinstance(x, Tensor) and id(x) not in base.values for x in others):
        return
    shapes = [tuple(getattr(base.value(x), "shape", ())) for x in others]
    sizes = dict.fromkeys(n for shape in shapes for n in shape)
    yield from dict.fromkeys(shape for shape in shapes if shape)
    for n in sizes:
        yield from ((n,), (size, n), (n, size))
    for rank in (3, 4):
        yield from ((size,) * (rank - 1) + (n,) for n in (*sizes, size))


def _sample(graph, calls, base, varied, shape):
    """A sample as ``base`` is, but for the placeholders ``varied``, which have ``shape``."""
    sample = graph.sample(graph.sized(graph.name))
    for call in calls:
        if call.type == "Placeholder":
            (x,) = call.outputs
            sizes = shape if any(x is other for other in varied) else base.values[id(x)].shape
            sample.values[id(x)] = sample.graph.placeholder(Spec(tuple(sizes), x.dtype))
        elif (made := _made(sample, call)) is not None and len(made) == len(call.outputs):
            sample.keep(call.outputs, made)
    return sample


def _made(sample, call):
    """What ``call`` gives in a sample, as a list; None if it cannot be made there."""
    if any(isinstance(x, Tensor) and id(x) not in sample.values for x in call.inputs):
        return None
    try:
        return nest.flatten(sample.make(call))
    except Exception:  # whatever a function raises for shapes that do not suit it
        return None


def _add(graph, sample, size):
    graph.samples.append(sample)
    graph.sizes = *graph.sizes, size
    graph._tensors = {
        (*key, id(sample.values.get(id(tensor), _GIVEN_UP))): tensor for key, tensor in graph._tensors.items()
    }
