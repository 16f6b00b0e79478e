"""What rewritten functions call (``autograph.py``): Python's control flow, unless it depends on a symbolic tensor.

A block of code comes as a function without result that assigns the variables of the function around it. ``state`` gives
access to these: a pair of functions that get and set the values of ``names``, UNDEFINED where there is none.
"""

import functools
import re
from typing import Any

import numpy as np

from microdl.compile.blocks import trace, traced_branches, zeros_like
from microdl.compile.branch import tracing
from microdl.compile.control import join, scan, select, while_
from microdl.compile.elements import over_elements
from microdl.core import nest
from microdl.core.context import context, user_location
from microdl.core.deferred import Replayed
from microdl.core.elements import Source
from microdl.core.errors import OperatorNotAllowedInGraphError
from microdl.core.op import Spec
from microdl.core.tensor import Operand, apply, convert


class _Undefined:
    def __repr__(self):
        return "undefined"


UNDEFINED = _Undefined()  # a variable without a value
BRANCHES = "the `if` branch", "the `else` branch"


def values(*readers):
    """The value that each function reads from a variable, an attribute or an element."""
    found = []
    for read in readers:
        try:
            found.append(read())
        except (NameError, AttributeError, LookupError):
            found.append(UNDEFINED)
    return found


def differs(new, read):
    """Whether an attribute or element is to be given the value ``new``."""
    return new is not UNDEFINED and values(read)[0] is not new


def vanishes(new, read):
    """Whether an attribute or element is to be deleted."""
    return new is UNDEFINED and values(read)[0] is not UNDEFINED


def _symbolic(value):
    return isinstance(value, Operand) and context.graph is not None and value.symbolic


def _open(test):
    """Whether a test is decided when the trace runs."""
    return _symbolic(test) and tracing()


def _holds(test):
    """Of a test that is not open. In a graph that never runs all that matters are shapes: there it holds."""
    return True if _symbolic(test) else test


def _truth(value):
    """The truth value of a symbolic Tensor: a scalar bool Tensor."""
    x = convert(value)
    if x.shape.num_elements() != 1:
        raise ValueError(
            f"{user_location()}: a tensor of shape {x.shape} has {x.shape.num_elements()} truth values; for a single "
            "one use tf.reduce_all(x) (all are true) or tf.reduce_any(x) (at least one is)"
        )
    x = x if x.dtype.is_bool else apply("NotEqual", x, 0)
    return apply("Reshape", x, shape=()) if x.ndim else x


def plain(value, statement, reason):
    """The test of a statement that stays Python's."""
    if _open(value):
        raise OperatorNotAllowedInGraphError(
            f"{user_location()}: this `{statement}` depends on a symbolic tensor, but cannot become part of the graph: "
            f"{reason}. Write it without, or use tf.cond(pred, true_fn, false_fn) or tf.while_loop(cond, body, vars)"
        )
    return value


def _isolated(function):
    """Decorator for statements over tensors. Their third argument is the state: functions that get and set variables.

    In a graph with open sizes the statement is one call, made on variables of its own, and on attributes and elements
    that are the user's again afterwards; what all of them have come to is given to the user's in the end.
    """

    def statement(*args):
        if not context.graph.open:
            return function(*args)
        get, set_ = args[2]
        returned, values = context.graph.defer(_with_state, (function, get(), *args), {})
        set_(values)
        return returned

    return statement


def _with_state(function, values, *args):
    get, set_ = args[2]
    before = get()
    try:
        set_(values)
        return function(*args), get()
    finally:
        set_(before)


# Expressions: operands come as functions without arguments


def and_(*operands):
    result = operands[0]()
    for operand in operands[1:]:
        if _symbolic(result):
            result = apply("LogicalAnd", _as_bool(result), _as_bool(operand()))
        elif result:
            result = operand()
    return result


def or_(*operands):
    result = operands[0]()
    for operand in operands[1:]:
        if _symbolic(result):
            result = apply("LogicalOr", _as_bool(result), _as_bool(operand()))
        elif not result:
            result = operand()
    return result


def not_(value):
    return apply("LogicalNot", _as_bool(value)) if _symbolic(value) else not value


def _as_bool(value):
    x = convert(value)
    return x if x.dtype.is_bool else apply("NotEqual", x, 0)


def choose(test, body, orelse):
    """``body if test else orelse``"""
    if not _open(test):
        return body() if _holds(test) else orelse()
    functions = dict(zip(BRANCHES, (body, orelse), strict=True))
    return select(f"`if` at {user_location()}", _truth(test), functions, (1, 0))


# Statements


def assert_(test, message):
    """``assert test, message()``"""
    if _symbolic(test):
        text = "assertion failed" if message() is None else str(message())
        apply("Assert", convert(test), message=f"{text} ({user_location()})", summarize=None)
    elif not test:
        raise AssertionError(*[text for text in [message()] if text is not None])


def unused(value):
    """The value of a call that stands alone."""
    if tracing() and isinstance(value, nest.Composite):
        raise ValueError(
            f"{user_location()}: a {type(value).__name__} does not change in a traced function; go on with the one "
            "that the method returns: ta = ta.write(index, value)"
        )
    return value


def if_(test, body, orelse, state, names):
    """``if test: body() else: orelse()``"""
    if not _open(test):
        (body if _holds(test) else orelse)()
        return
    _join(test, (body, orelse), state, names, names)


def if_return(test, body, orelse, state, names):
    """``if test: return body() else: return orelse()``"""
    if not _open(test):
        return body() if _holds(test) else orelse()
    return _join(test, (body, orelse), state, names, [label for label in names if not label.isidentifier()])


@_isolated
def _join(test, blocks, state, names, kept):
    """Traces both blocks. ``kept``: those of ``names`` that matter afterwards. Returns what the blocks return."""
    get, set_ = state
    name, before, after, results = f"`if` at {user_location()}", get(), {}, {}

    def run(branch, block):
        set_(before)
        returned = results[branch] = block()
        after[branch] = dict(zip(names, get(), strict=True))
        found = {label: value for label, value in after[branch].items() if label in kept and _is_data(value)}
        return (returned, found) if returned is not None and kept else found if kept else returned

    test = _truth(test)
    parts = traced_branches(
        name, {label: functools.partial(run, label, block) for label, block in zip(BRANCHES, blocks, strict=True)}
    )
    founds = [found[1] if isinstance(found, tuple) else found for _, found in parts.values() if kept]
    for branch, other, found in zip(BRANCHES, BRANCHES[::-1], founds or ({}, {}), strict=True):
        if branch not in after:  # it does not fit the sizes: what it would have done does not matter
            after[branch], results[branch] = {**after[other], **found}, results[other]
    for branch in BRANCHES:
        if results[branch] is None and any(other is not None for other in results.values()):
            raise ValueError(f"{name}: {branch} must also return a value, not None, as the other one does")
    both = _settled(name, kept, [after[branch] for branch in BRANCHES], founds)
    result = join(name, test, parts, (1, 0))
    returned, found = result if kept and isinstance(result, tuple) else (None, result) if kept else (result, {})
    both.update(found)
    set_([both.get(label, UNDEFINED) for label in names])
    return returned


def _settled(name, labels, after, founds):
    """Values that do not depend on the test, or that one branch alone has. They are taken out of ``founds``."""
    both = {}
    for label in labels:
        x, y = (values[label] for values in after)
        if (_is_data(x) or _is_data(y)) and (_starts_empty(label, x) or _starts_empty(label, y)):
            full, empty = founds if _is_data(x) else founds[::-1]
            empty[label] = zeros_like(full[label])
        elif x is UNDEFINED or y is UNDEFINED:
            both[label] = UNDEFINED
            if x is not y:
                branch = BRANCHES[x is not UNDEFINED]
                context.graph.unset[label] = (
                    f"{name}: {label!r} must also be initialized in {branch}, as it is used later"
                )
        elif x is y or (not _has_tensor(x) and not _has_tensor(y) and type(x) is type(y) and x == y):
            both[label] = x
        elif not (_is_data(x) and _is_data(y)):
            error = ValueError if x is None or y is None else TypeError  # as TensorFlow has it
            raise error(
                f"{name}: only tensors, numbers and structures of them can depend on a tensor, but {label!r} is {x!r} "
                f"after {BRANCHES[0]} and {y!r} after {BRANCHES[1]}"
            )
    for found in founds:
        ordered = {label: found[label] for label in labels if label in found and label not in both}
        found.clear()  # what was filled in stands where the other branch has it
        found.update(ordered)
    return both


def while_loop(test, body, state, names, needed=()):
    """``while test(): body()``. needed: those of ``names`` that are read outside of the loop, too."""
    goes_on = _first_test(test)
    while not _open(goes_on):
        if not _holds(goes_on):
            return
        body()
        if _symbolic(goes_on):
            return
        goes_on = _first_test(test)
    _while(test, body, state, names, needed)


@_isolated
def _while(test, body, state, names, needed):
    loop = _Loop("while", state, names, needed)

    def condition(*tensors):
        loop.enter(tensors)
        return _truth(test())

    def step(*tensors):
        loop.enter(tensors)
        body()
        return loop.leave()

    loop.prepare(body, ())
    loop.needs_a_round(test)
    loop.enter(while_(loop.name, condition, step, loop.carry, loop.labels))


def _first_test(test):
    """The test's value; if that is symbolic, its Nodes go again, as the loop will have them."""
    if not tracing():
        return test()
    nodes = context.graph.calls if context.graph.open else context.graph.nodes
    count = len(nodes)
    value = test()
    if _open(value):
        nodes[count:] = [node for node in nodes[count:] if not context.graph.open and node.op.name == "ReadVariableOp"]
    return value


class Steps(Replayed):
    """``range`` with symbolic ends."""

    def __init__(self, start, limit=None, delta=1):
        self.start, self.limit = (0, start) if limit is None else (start, limit)
        self.delta = delta

    def twin(self, value):
        return Steps(value(self.start), value(self.limit), value(self.delta))


def steps(function, *args, **kwargs):
    """``range(...)`` or ``tf.range(...)`` in the head of a ``for``."""
    if getattr(function, "__name__", "") == "range" and not kwargs and any(map(_symbolic, args)):
        return Steps(*args)
    return function(*args, **kwargs)


def for_loop(iterable: Any, body, state, names, needed=(), stopped=None):
    """``for item in iterable: body(item)``. stopped: a function that tells whether there was a ``break``."""
    if isinstance(iterable, Steps) and not tracing():
        body(convert(iterable.start))
    elif isinstance(iterable, Steps) or (isinstance(iterable, Operand) and tracing() and iterable.ndim):
        _for_tensors(iterable, body, state, names, needed, stopped)
    elif isinstance(iterable, Source) and tracing():
        _for_elements(iterable, body, state, names, needed, stopped)
    else:
        for item in iterable:
            stop = stopped() if stopped else False
            if _open(stop):  # the rounds that are left run, or do not, as it turns out
                if_(not_(stop), functools.partial(body, item), _nothing, state, names)
            elif _symbolic(stop) or not stop:
                body(item)
            else:
                break


@_isolated
def _for_tensors(iterable, body, state, names, needed, stopped):
    if isinstance(iterable, Steps):
        _for_steps(iterable, body, _Loop("for", state, names, needed), stopped)
    else:
        _for_rows(convert(iterable), body, _Loop("for", state, names, needed), stopped)


def _nothing():
    """An empty block."""


@_isolated
def _for_elements(source, body, state, names, needed, stopped):
    loop = _Loop("for", state, names, needed)

    def step(carried, element):
        loop.enter(carried)
        body(element)
        return [*loop.leave(), _truth(stopped())] if stopped else loop.leave()

    loop.prepare(lambda *tensors: body(source.shown(tensors)), source.leaf_specs(), needed=())
    loop.enter(over_elements(loop.name, source, step, loop.carry, loop.labels, stops=stopped is not None))


def _for_rows(rows, body, loop, stopped):
    item = Spec(tuple(rows.spec.shape[1:]), rows.dtype)
    count = rows.spec.shape[0]
    counts = not rows.symbolic and np.array_equal(rows.host_array(), np.arange(count))

    def once(row):
        if counts:
            context.graph.counters[id(row)] = count
        body(row)

    def step(index, carry, slices):
        loop.enter(carry)
        once(*slices)
        return loop.leave(), []

    if stopped:
        indices = Steps(convert(0), convert(count))
        _for_steps(indices, lambda i: body(apply("GatherV2", rows, i, axis=0)), loop, stopped)
    elif count:
        loop.prepare(once, [item])
        carry, _ = scan(loop.name, step, loop.carry, [rows], count)
        loop.enter(carry)


def _for_steps(steps, body, loop, stopped):
    limit = convert(steps.limit)
    start, delta = convert(steps.start, hint=limit.dtype), convert(steps.delta, hint=limit.dtype)

    def inside(i):
        return apply("Less", apply("Mul", apply("Sub", i, limit), apply("Sign", delta)), 0)

    def condition(i, *tensors):
        loop.enter(tensors)
        return _truth(and_(lambda: not_(stopped()), lambda: inside(i))) if stopped else inside(i)

    def step(i, *tensors):
        loop.enter(tensors)
        body(i)
        return [apply("AddV2", i, delta), *loop.leave()]

    loop.prepare(body, [start.spec])
    loop.needs_a_round(lambda: inside(start))
    results = while_(loop.name, condition, step, [start, *loop.carry], ["of the range", *loop.labels])
    loop.enter(results[1:])


class _Loop:
    """The variables of a loop: those that hold tensors and numbers are carried from round to round.

    Attributes:
        name: for messages. carry: Tensors, as they are at first. labels: of each, the variable it belongs to.
    """

    def __init__(self, statement, state, names, needed):
        self.name = f"`{statement}` at {user_location()}"
        self._get, self._set = state
        self._names, self._needed = names, needed
        self._first = []  # names of the variables that have no value before the first round
        self._begin(self._get())

    def _begin(self, values):
        """The values of the variables when the loop starts."""
        self._start = values
        self._carried = [k for k, value in enumerate(values) if _is_data(value)]
        leaves = [(self._names[k], leaf) for k in self._carried for leaf in nest.flatten(values[k])]
        self.labels = [repr(name) for name, _ in leaves]
        self.carry = [convert(leaf) for _, leaf in leaves]

    def prepare(self, body, specs, needed=None):
        """Variables that only a round gives a value start with zeros; one round is traced to see of what shape.

        Args:
            body: takes tensors of these ``specs``. needed: names that may start so, by default all that are needed.
        """
        needed = self._needed if needed is None else needed
        for name, value in zip(self._names, self._start, strict=True):
            if value is UNDEFINED:
                reason = f"{name!r} must be defined before the loop, as it is used later"
                context.graph.unset[name] = f"{self.name}: {reason}"
        empty = [k for k, value in enumerate(self._start) if _starts_empty(self._names[k], value, needed)]
        if not empty:
            return

        def once(*tensors):
            self.enter(tensors[len(specs) :])
            body(*tensors[: len(specs)])
            after.extend(self._get())

        after = []
        trace(self.name, once, [*specs, *(x.spec for x in self.carry)])
        values = list(self._start)
        for k in empty:
            if _is_data(after[k]):
                values[k] = zeros_like(after[k])
                self._first += [self._names[k]] * (self._start[k] is UNDEFINED)
        self._set(values)
        self._begin(values)

    def needs_a_round(self, holds):
        """An op that fails if there is no first round, where variables have no value then that are used later."""
        first = [name for name in self._first if not name.startswith("ag__")]
        if first:
            text = f"{self.name}: the loop must iterate at least once to initialize {', '.join(first)}"
            apply("Assert", _truth(holds()), message=text, summarize=None)

    def enter(self, tensors):
        """Gives the variables their values: in a round, and after the loop."""
        tensors, values = iter(tensors), list(self._start)
        for k in self._carried:
            values[k] = nest.pack_as(values[k], [next(tensors) for _ in nest.flatten(values[k])])
        self._set(values)

    def leave(self):
        """The Tensors that a round leaves behind. Raises TypeError if a variable cannot be carried on."""
        after, leaves = self._get(), []
        for k, (name, old, new) in enumerate(zip(self._names, self._start, after, strict=True)):
            if k in self._carried:
                if not _is_data(new) or len(nest.flatten(new)) != len(nest.flatten(old)):
                    raise TypeError(f"{self.name}: {name!r} is {old!r} before the loop and {new!r} after a round")
                leaves += [convert(leaf) for leaf in nest.flatten(new)]
            elif old is not UNDEFINED and new is not old and not _same(old, new):
                raise TypeError(
                    f"{self.name}: only tensors, numbers and structures of them can change in a loop over tensors, but "
                    f"{name!r} is {old!r} before the loop and {new!r} after a round"
                )
        return leaves


def _same(old, new):
    """Whether a round leaves a value as it was that no tensor can hold."""
    return not _has_tensor(old) and not _has_tensor(new) and type(old) is type(new) and bool(old == new)


def _starts_empty(name, value, needed=None):
    """Whether a variable without a value, or a TensorArray without elements, may begin as zeros."""
    if value is UNDEFINED:
        return name.startswith("ag__value") or (needed is not None and name in needed)
    return isinstance(value, nest.Composite) and not nest.flatten(value)


def why_unset(error, unset):
    """Of a NameError the reason, as ``unset`` has it: the branch or loop that gave the variable no value; else None."""
    name = re.search(r"'(\w+)'", str(error))
    return unset.get(name[1]) if name else None


def _is_data(value):
    """Whether it can become tensors: tensors, numbers, and structures of them."""
    leaves = nest.flatten(value)
    return bool(leaves) and all(isinstance(leaf, (Operand, int, float, np.ndarray, np.generic)) for leaf in leaves)


def _has_tensor(value):
    return any(isinstance(leaf, (Operand, np.ndarray)) for leaf in nest.flatten(value))
