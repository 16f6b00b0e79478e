"""What rewritten functions call (``autograph.py``): Python's control flow, unless it depends on a symbolic tensor.

A block of code comes as a function without result that assigns the variables of the function around it. ``state`` gives
access to these: a pair of functions that get and set the values of ``names``, UNDEFINED where there is none.
"""

import functools

import numpy as np

from microdl.compile.branch import trace, tracing
from microdl.compile.control import join, scan, select, while_
from microdl.core import nest
from microdl.core.context import context, user_location
from microdl.core.errors import OperatorNotAllowedInGraphError
from microdl.core.tensor import Operand, apply, convert


class _Undefined:
    def __repr__(self):
        return "undefined"


UNDEFINED = _Undefined()  # a variable without a value
BRANCHES = "the `if` branch", "the `else` branch"


def values(*readers):
    """The value that each function reads from a variable."""
    found = []
    for read in readers:
        try:
            found.append(read())
        except NameError:
            found.append(UNDEFINED)
    return found


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


def if_(test, body, orelse, state, names):
    """``if test: body() else: orelse()``"""
    if not _open(test):
        (body if _holds(test) else orelse)()
        return
    get, set_ = state
    name, before, after = f"`if` at {user_location()}", get(), []

    def run(block):
        set_(before)
        block()
        after.append(get())
        return {label: value for label, value in zip(names, after[-1], strict=True) if _is_data(value)}

    test = _truth(test)
    blocks = zip(BRANCHES, (body, orelse), strict=True)
    traced: dict = {label: trace(f"{name}: {label}", functools.partial(run, block)) for label, block in blocks}
    both = {}  # values that do not depend on the test, or that are gone, as one branch alone has them
    for label, x, y in zip(names, *after, strict=True):
        if x is UNDEFINED or y is UNDEFINED:
            both[label] = UNDEFINED
        elif x is y or (not _has_tensor(x) and not _has_tensor(y) and type(x) is type(y) and x == y):
            both[label] = x
        elif not (_is_data(x) and _is_data(y)):
            raise TypeError(
                f"{name}: only tensors, numbers and structures of them can depend on a tensor, but {label!r} is {x!r} "
                f"after {BRANCHES[0]} and {y!r} after {BRANCHES[1]}"
            )
    for _, found in traced.values():
        for label in both:
            found.pop(label, None)
    both.update(join(name, test, traced, (1, 0)))
    set_([both[label] for label in names])


def if_return(test, body, orelse, state, names):
    """``if test: return body() else: return orelse()``"""
    if not _open(test):
        return body() if _holds(test) else orelse()
    get, set_ = state
    before = get()

    def run(block):
        set_(before)
        return block()

    functions = {label: functools.partial(run, b) for label, b in zip(BRANCHES, (body, orelse), strict=True)}
    return select(f"`if` at {user_location()}", _truth(test), functions, (1, 0))


def while_loop(test, body, state, names):
    """``while test(): body()``"""
    goes_on = _first_test(test)
    while not _open(goes_on):
        if not _holds(goes_on):
            return
        body()
        if _symbolic(goes_on):
            return
        goes_on = _first_test(test)
    loop = _Loop("while", state, names)

    def condition(*tensors):
        loop.enter(tensors)
        return _truth(test())

    def step(*tensors):
        loop.enter(tensors)
        body()
        return loop.leave()

    loop.enter(while_(loop.name, condition, step, loop.carry, loop.labels))


def _first_test(test):
    """The test's value; if that is symbolic, its Nodes go again, as the loop will have them."""
    nodes = context.graph.nodes if tracing() else []
    count = len(nodes)
    value = test()
    if _open(value):
        nodes[count:] = [node for node in nodes[count:] if node.op.name == "ReadVariableOp"]
    return value


class Steps:
    """``range`` with symbolic ends."""

    def __init__(self, start, limit=None, delta=1):
        self.start, self.limit = (0, start) if limit is None else (start, limit)
        self.delta = delta


def steps(function, *args, **kwargs):
    """``range(...)`` or ``tf.range(...)`` in the head of a ``for``."""
    if getattr(function, "__name__", "") == "range" and not kwargs and any(map(_symbolic, args)):
        return Steps(*args)
    return function(*args, **kwargs)


def for_loop(iterable, body, state, names):
    """``for item in iterable: body(item)``"""
    if isinstance(iterable, Steps) and not tracing():
        body(convert(iterable.start))
    elif isinstance(iterable, Steps):
        _for_steps(iterable, body, state, names)
    elif isinstance(iterable, Operand) and tracing() and iterable.ndim:
        _for_rows(convert(iterable), body, state, names)
    else:
        for item in iterable:
            body(item)


def _for_rows(rows, body, state, names):
    loop = _Loop("for", state, names)

    def step(index, carry, slices):
        loop.enter(carry)
        body(*slices)
        return loop.leave(), []

    carry, _ = scan(loop.name, step, loop.carry, [rows], rows.spec.shape[0])
    loop.enter(carry)


def _for_steps(steps, body, state, names):
    loop = _Loop("for", state, names)
    limit = convert(steps.limit)
    start, delta = convert(steps.start, hint=limit.dtype), convert(steps.delta, hint=limit.dtype)

    def condition(i, *tensors):
        return apply("Less", apply("Mul", apply("Sub", i, limit), apply("Sign", delta)), 0)

    def step(i, *tensors):
        loop.enter(tensors)
        body(i)
        return [apply("AddV2", i, delta), *loop.leave()]

    results = while_(loop.name, condition, step, [start, *loop.carry], ["of the range", *loop.labels])
    loop.enter(results[1:])


class _Loop:
    """The variables of a loop: those that hold tensors and numbers are carried from round to round.

    Attributes:
        name: for messages. carry: Tensors, as they are at first. labels: of each, the variable it belongs to.
    """

    def __init__(self, statement, state, names):
        self.name = f"`{statement}` at {user_location()}"
        self._get, self._set = state
        self._names, self._start = names, self._get()
        self._carried = [k for k, value in enumerate(self._start) if _is_data(value)]
        leaves = [(names[k], leaf) for k in self._carried for leaf in nest.flatten(self._start[k])]
        self.labels = [repr(name) for name, _ in leaves]
        self.carry = [convert(leaf) for _, leaf in leaves]

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
            elif old is not UNDEFINED and new is not old:
                raise TypeError(
                    f"{self.name}: only tensors, numbers and structures of them can change in a loop over tensors, but "
                    f"{name!r} is {old!r} before the loop and {new!r} after a round"
                )
        return leaves


def _is_data(value):
    """Whether it can become tensors: tensors, numbers, and structures of them."""
    leaves = nest.flatten(value)
    return bool(leaves) and all(isinstance(leaf, (Operand, int, float, np.ndarray, np.generic)) for leaf in leaves)


def _has_tensor(value):
    return any(isinstance(leaf, (Operand, np.ndarray)) for leaf in nest.flatten(value))
