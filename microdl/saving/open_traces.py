"""Traces with open sizes as JSON: the calls that they make, with expressions of sizes in the place of sizes.

An ``OpenGraph`` holds no Nodes: it makes its calls again, Python's functions and all, whenever sizes are given
(``compile/open.py``). A file cannot hold Python. So the trace is made for samples of sizes, and the Nodes that come of
it are compared: what is equal in all of them stays as it is, numbers that differ become expressions (``sizes.py``).

Sizes of 0 and 1, and sizes that are equal, may lead to other Nodes: a gradient adds up what was broadcast. So each
such *pattern* of sizes is tried, and what the expressions give is compared with what the trace gives. A pattern with
other Nodes gets a body of calls of its own; sizes of a pattern for which the trace cannot be made are refused by what
is loaded.
"""

import itertools
import random

import numpy as np

from microdl.compile.open import OpenFunction
from microdl.core.node import Graph
from microdl.core.op import Spec
from microdl.saving.sizes import LARGEST_ARRAY, Sizes, progression
from microdl.saving.values import Writer

SAMPLES = 6
# Their sizes. Not every size may do: of images of 28 x 28 that become rows of 784, multiples of these.
LARGE = range(257, 2000), range(288, 1920, 48), range(1440, 9600, 240), range(2352, 14 * 2352, 2352)
SMALL = 2, 3, 8, 5, 7, 4, 9, 6, *range(10, 20)  # what the expressions are tried with besides
MOST_PARTITIONED = 5  # open sizes of which any may be equal; with more of them, those of one axis or all
MOST_SINGLE = 3  # open sizes of which each may be 0 or 1 for itself
MOST_PATTERNS = 40  # that are tried


class Differs(ValueError):
    """Samples agree in no way that an expression could tell."""


class SampleWriter(Writer):
    """Writes one sample: constants as numbers of ``tensors``, which are compared before the file gets them."""

    def __init__(self, writer):
        super().__init__(writer.trace)
        self._file, self.tensors = writer, []

    def variable(self, variable):
        return self._file.variable(variable)

    def constant(self, tensor):
        self.tensors.append(tensor)
        return len(self.tensors) - 1


def pattern_of(sizes):
    """0 and 1 for themselves, other sizes as numbers from 2 on, equal ones as equal: (7, 1, 7, 9) is (2, 1, 2, 3)."""
    labels = {}
    return tuple(n if n < 2 else labels.setdefault(n, len(labels) + 2) for n in sizes)


def open_sizes(inputs, specs):
    """The sizes that Specs have where those of ``inputs`` are open."""
    pairs = zip(inputs, specs, strict=True)
    return [n for x, spec in pairs for n, known in zip(spec.shape, x.spec.shape, strict=True) if known is None]


def bodies(function, common, again):
    """What is written of an OpenFunction: bodies of calls, and which of them serves sizes of which pattern.

    Args:
        common: function of ConcreteFunctions for several sizes that gives the body which they have in common, and
            raises Differs; with ``tried=True`` nothing of it gets into the file. again: function of a body and Specs
            that gives a ConcreteFunction.
    """
    general, samples = _general(function)
    found, served = [common(samples)], {general: 0}
    patterns = _patterns(general)
    for pattern in patterns[:MOST_PATTERNS]:
        for specs, concrete in itertools.islice(_trials(function, pattern), 3 if pattern == general else 1):
            body = next((k for k, body in enumerate(found) if _serves(body, common, again, specs, concrete)), None)
            if body is not None:
                served[pattern] = body
            elif pattern == general:
                raise Differs(f"for inputs of shapes {[list(spec.shape) for spec in specs]} it does something else")
            elif 0 not in pattern:
                served[pattern] = len(found)
                found.append(common(_samples(function, pattern)))
                if not _serves(found[-1], common, again, specs, concrete):
                    raise Differs(f"inputs of shapes {[list(spec.shape) for spec in specs]} are a case of their own")
    return {
        "bodies": found,
        "general": general,
        "served": [[list(pattern), body] for pattern, body in served.items()],
        "all_tried": len(patterns) <= MOST_PATTERNS and len(set(general)) <= MOST_PARTITIONED,
    }


def _serves(body, common, again, specs, concrete):
    try:
        common([concrete, again(body, specs)], tried=True)
    except (ValueError, TypeError, LookupError, ArithmeticError):
        return False
    return True


def _general(function):
    """(pattern, samples) of the sizes of which most differ. Raises Differs if there are no samples."""
    places = [(i, axis) for i, x in enumerate(function.inputs) for axis, n in enumerate(x.spec.shape) if n is None]
    error: Exception | None = None
    for pattern in _partitions(places):
        try:
            return pattern, _samples(function, pattern)
        except Exception as raised:  # whatever an op raises
            error = error or raised
    raise Differs(f"of sizes that differ none fit ({error})")


def _partitions(places):
    """Patterns without 0 and 1, those with most sizes first."""
    count = len(places)
    if count > MOST_PARTITIONED:
        return [pattern_of(labels) for labels in (range(2, count + 2), [axis + 2 for _, axis in places], [2] * count)]
    found = {pattern_of(labels) for labels in itertools.product(range(2, count + 2), repeat=count)}
    return sorted(found, key=lambda pattern: (-len(set(pattern)), pattern))


def _patterns(general):
    """The pattern ``general``, and others: those that change it least come first.

    Any size may be 0, 1 or like another one; of many sizes those change together that are equal in ``general``.
    """
    labels, few = sorted(set(general)), len(general) <= MOST_SINGLE
    groups = range(len(general)) if few else labels[:MOST_PARTITIONED]
    others = range(2, len(general) + 2) if few else labels
    found = {general: 0}
    for chosen in itertools.product((0, 1, *others), repeat=len(groups)):
        values = dict(zip(groups, chosen, strict=True))
        keys = range(len(general)) if few else general
        pattern = pattern_of([values.get(key, label) for key, label in zip(keys, general, strict=True)])
        changes = sum(one != other for one, other in zip(pattern, general, strict=True)) + 3 * pattern.count(0)
        found[pattern] = min(changes, found.get(pattern, changes))
    return sorted(found, key=lambda pattern: (found[pattern], pattern))


def _sizes(pattern, values):
    return [label if label < 2 else values[label - 2] for label in pattern]


def _samples(function, pattern):
    """ConcreteFunctions for several choices of large sizes: no op computes constants of them while it is traced."""
    count = len(set(pattern) - {0, 1})
    error: Exception | None = None
    for sizes in LARGE if count else ([],):
        try:
            draws = [random.Random(k).sample(sizes, count) for k in range(SAMPLES if count else 1)]
            return [function.with_sizes(_specs(function, _sizes(pattern, values))) for values in draws]
        except Exception as raised:  # whatever an op raises: perhaps these sizes alone are wrong
            error = error or raised
    raise Differs(f"of sizes that differ none fit ({error})")


def _specs(function, sizes):
    left = iter(sizes)
    return [Spec(tuple(next(left) if n is None else n for n in x.spec.shape), x.dtype) for x in function.inputs]


def _trials(function, pattern):
    """(Specs, ConcreteFunction) of further choices of sizes, small ones first, as far as they will do."""
    for values in (SMALL, SMALL[1:], SMALL[2:], *(sizes[::-1] for sizes in LARGE)):
        specs = _specs(function, _sizes(pattern, values))
        try:
            yield specs, function.with_sizes(specs)
        except Exception:  # whatever an op raises: no sizes for it
            continue


class Comparison:
    """Samples of one trace that become one.

    Args: writer: of the file. samples: SampleWriters. shapes: for each sample dict from a tensor's number to its shape.
    """

    def __init__(self, writer, samples, shapes):
        self._writer, self._samples, self._shapes = writer, samples, shapes

    def calls(self, lists, sizes):
        """One list of calls for those of all samples. sizes: the Sizes that are known before; more are added."""
        if len({len(calls) for calls in lists}) > 1:
            raise Differs(f"the number of calls depends on sizes: {sorted({len(calls) for calls in lists})}")
        return [self._call(calls, sizes) for calls in zip(*lists, strict=True)]

    def _call(self, calls, sizes):
        first = calls[0]
        kind = first.get("op", first.get("flow"))
        if any(call.keys() != first.keys() or call.get("op", call.get("flow")) != kind for call in calls):
            raise Differs(f"which ops there are depends on sizes: {sorted({str(c.get('op')) for c in calls})}")
        near = [n for number in _numbers(first["args"]) for n in sizes.add(number, self._of(number))]
        try:
            parts = [key for key in first if key not in ("parts", "outputs")]
            merged = {key: self.value([call[key] for call in calls], sizes, near) for key in parts}
        except Differs as error:
            raise Differs(f"{kind}: {error}") from None
        if "parts" in first:
            merged["parts"] = [self._part(part, sizes) for part in zip(*(c["parts"] for c in calls), strict=True)]
        for number in first["outputs"]:
            sizes.add(number, self._of(number))
        return {**merged, "outputs": self.value([call["outputs"] for call in calls], sizes)}

    def _of(self, number):
        shapes = [shapes[number] for shapes in self._shapes]
        if len(set(map(len, shapes))) > 1:
            raise Differs("the number of axes depends on sizes")
        return shapes

    def _part(self, parts, sizes):
        inner = Sizes(sizes.places)
        inputs = self.value([part["inputs"] for part in parts], inner)
        for number in inputs:
            inner.add(number, self._of(number))
        calls = self.calls([part["calls"] for part in parts], inner)
        return {"inputs": inputs, "calls": calls, "outputs": self.value([p["outputs"] for p in parts], inner)}

    def value(self, values, sizes, near=()):
        """One value for those of all samples."""
        first = values[0]
        if any(type(x) is not type(first) for x in values):
            raise Differs(f"it takes {values}")
        if isinstance(first, list):
            if any(len(x) != len(first) for x in values):
                raise Differs(f"it takes {values}")
            return [self.value(list(parts), sizes, near) for parts in zip(*values, strict=True)]
        if isinstance(first, dict):
            if any(x.keys() != first.keys() for x in values):
                raise Differs(f"it takes {values}")
            if first and first.keys() <= {"constant", "array"}:
                (kind,) = first
                return self._constant(kind, [x[kind] for x in values], sizes, near)
            return {key: self.value([x[key] for x in values], sizes, near) for key in first}
        if all(x == first for x in values):
            return first
        expression = sizes.expression(values, near) if type(first) in (int, float) else None
        if expression is None:
            raise Differs(f"no expression of sizes gives {values}")
        return expression

    def _constant(self, kind, numbers, sizes, near):
        tensors = [sample.tensors[number] for sample, number in zip(self._samples, numbers, strict=True)]
        first, *others = [x.own_array() for x in tensors]
        if all(x is tensors[0] for x in tensors) or all(_equal(first, x) for x in others):
            return {kind: self._writer.constant(tensors[0])}
        arrays = [first, *others]
        if (steps := [progression(array) for array in arrays]) and None not in steps and first.size > LARGEST_ARRAY:
            shape = self.value([list(x.shape) for x in arrays], sizes, near)
            ends = self.value([list(step) for step in steps if step], sizes, near)
            return {"steps": [kind, first.dtype.name, shape, ends]}
        if any(x.shape != first.shape or x.dtype != first.dtype for x in others) or first.size > LARGEST_ARRAY:
            raise Differs(f"it takes arrays that depend on sizes, of shapes {[x.own_array().shape for x in tensors]}")
        rows = zip(*(x.own_array().ravel().tolist() for x in tensors), strict=True)
        leaves = [self.value(list(row), sizes, near) for row in rows]
        return {"sizes": [kind, first.dtype.name, list(first.shape), leaves]}


def _equal(x, y):
    return x.dtype == y.dtype and np.array_equal(x, y, equal_nan=x.dtype.kind == "f")


def _numbers(texts):
    """The tensors among arguments."""
    for text in texts:
        if isinstance(text, dict) and "tensor" in text:
            yield text["tensor"]
        elif isinstance(text, (list, dict)):
            yield from _numbers(text.values() if isinstance(text, dict) else text)


def shapes_of(graph, numbers):
    """number -> shape of each tensor of a FuncGraph and of its parts."""
    tensors = [*graph.inputs, *itertools.chain.from_iterable(node.outputs for node in graph.nodes)]
    shapes = {numbers[id(x)]: tuple(x.spec.shape) for x in tensors if id(x) in numbers}
    for node in graph.nodes:
        for part in node.attrs["parts"].parts if "parts" in node.attrs else ():
            shapes.update(shapes_of(part, numbers))
    return shapes


class Choice:
    """Which of the bodies of a written function serves which sizes; see ``bodies``."""

    def __init__(self, name, inputs, general, served, all_tried):
        self._name, self._inputs, self._general, self._all_tried = name, inputs, general, all_tried
        self._served = {tuple(pattern): body for pattern, body in served}

    def body(self, specs):
        """The number of the body for these Specs. Raises ValueError if there is none."""
        sizes = open_sizes(self._inputs, specs)
        pattern = pattern_of(sizes)
        if pattern in self._served:
            return self._served[pattern]
        tied = len(set(zip(sizes, self._general, strict=True))) == len(set(self._general))
        if tied and not self._all_tried and not any(self._served.values()):
            return 0  # there are too many patterns: none of those that were tried has other Nodes
        raise ValueError(
            f"{self._name}: the sizes {sizes} do not fit: it was saved for sizes of the kinds "
            f"{', '.join(map(_text, self._served))}"
        )


def _text(pattern):
    return f"({', '.join(str(label) if label < 2 else 'nmhwcabdefg'[label - 2] for label in pattern)})"


class WrittenGraph(Graph):
    """What is known of a trace that is written down: its ends, and its Variables."""

    open = True
    fed = ()  # elements of iterators, which it does not take

    def __init__(self, name, inputs, outputs, variables):
        super().__init__()
        self.name, self.inputs, self.outputs, self.captures, self.created = name, inputs, outputs, {}, 0
        self.variables = {v.uid: v for v in variables}


class WrittenFunction(OpenFunction):
    """An OpenFunction that was written down. again: function of Specs that gives a ConcreteFunction."""

    def __init__(self, graph, structured_outputs, again):
        super().__init__(graph, structured_outputs)
        self._again = again

    def with_sizes(self, specs):
        return self._again(specs)
