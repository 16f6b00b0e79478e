"""Control flow that depends on tensors: branches and loops.

Eagerly these functions are plain Python. While a function is traced they become Nodes (``compile/control.py``): both
branches are traced, only one runs; a loop's body is traced once, and runs as often as the values demand.
"""

import contextlib
from typing import Any

from microdl.compile.blocks import trace, zeros_like
from microdl.compile.branch import tracing
from microdl.compile.control import scan as scan_node, select, while_
from microdl.core import dtypes, nest, structures
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.node import Graph
from microdl.core.op import Spec
from microdl.core.tensor import Operand, Tensor, apply, convert
from microdl.ops.joining import concat, stack


@reads_sizes
def cond(pred, true_fn: Any = None, false_fn: Any = None, name=None):
    """``true_fn()`` if ``pred`` holds, else ``false_fn()``.

    Args:
        pred: scalar bool Tensor, or a Python bool. true_fn, false_fn: functions without arguments; while a function is
            traced, both are, and must return the same structure with the same shapes and dtypes.

    Returns: what the chosen function returns.

    Raises: TypeError if the functions do not agree, or are not callable.
    """
    for label, function in (("true_fn", true_fn), ("false_fn", false_fn)):
        if not callable(function):
            raise TypeError(f"cond: {label} must be a function without arguments, got {function!r}")
    pred = _truth("cond", pred)
    if not isinstance(pred, Tensor):
        return true_fn() if pred else false_fn()
    if not tracing():
        return _first_of_all([true_fn, false_fn])
    return select("cond", pred, {"true_fn": true_fn, "false_fn": false_fn}, (1, 0))


def _truth(op, pred):
    """A Python bool if the value of a predicate is known, else a symbolic scalar Tensor."""
    if not isinstance(pred, Operand):
        return bool(pred)
    pred = convert(pred)
    if not pred.dtype.is_bool:
        raise TypeError(f"{op}: a predicate is a bool, got {pred.dtype.name}; compare it with something: x > 0")
    if pred.shape.num_elements() != 1:
        raise ValueError(f"{op}: a predicate is a scalar, got shape {pred.shape}; use tf.reduce_all or tf.reduce_any")
    if not pred.symbolic:
        return bool(pred)
    return apply("Reshape", pred, shape=()) if pred.ndim else pred


def _first_of_all(functions):
    """The result of the first function, in a graph that will never run: all of them are looked at."""
    first, *_ = [function() for function in functions]
    return first


@reads_sizes
def switch_case(branch_index, branch_fns, default=None, name="switch_case"):
    """The result of the function whose number is ``branch_index``; of ``default`` if none has it.

    Args:
        branch_index: scalar integer Tensor. branch_fns: list of functions without arguments, or a dict or list of pairs
            that gives each its number. default: None takes the function with the highest number.
    """
    functions = _numbered(branch_fns)
    index = convert(branch_index)
    if not index.dtype.is_integer or index.ndim:
        raise TypeError(f"switch_case: branch_index is a scalar integer, got {index.dtype.name}, shape {index.shape}")
    last = default if default is not None else functions[max(functions)]
    if not index.symbolic:
        return functions.get(int(index), last)()
    if not tracing():
        return _first_of_all([*functions.values(), last])
    named = {f"branch {number}": function for number, function in sorted(functions.items())}
    keys = sorted(functions)
    if default is not None:
        named["default"] = default
        keys.append(min(keys) - 1)  # no index of a branch: where nothing else fits the last one runs
    return select("switch_case", index, named, keys)


def _numbered(branch_fns):
    pairs = branch_fns.items() if isinstance(branch_fns, dict) else branch_fns
    pairs = [pair if isinstance(pair, tuple) else (k, pair) for k, pair in enumerate(pairs)]
    functions = {int(number): function for number, function in pairs}
    if not functions or len(functions) < len(pairs) or not all(map(callable, functions.values())):
        raise ValueError(
            f"switch_case: branch_fns must be functions, each with a number of its own, got {branch_fns!r}"
        )
    return functions


@reads_sizes
def case(pred_fn_pairs, default=None, exclusive=False, strict=False, name="case"):
    """The result of the first function whose predicate holds; of ``default`` if none does.

    Args:
        pred_fn_pairs: list of (scalar bool Tensor, function without arguments). default: function without arguments.
        exclusive: with predicates whose values are known, more than one that holds is an error.

    Raises: InvalidArgumentError if no predicate holds and there is no default.
    """
    pairs = [(_truth("case", pred), function) for pred, function in pred_fn_pairs]
    known = [pred for pred, _ in pairs if not isinstance(pred, Tensor)]
    if exclusive and sum(known) > 1:
        raise InvalidArgumentError(f"case: exclusive, but {sum(known)} of {len(pairs)} predicates hold")
    if default is None:
        if len(known) < len(pairs):
            raise ValueError("case: a traced function needs a default, as no predicate may hold when it runs")
        default = _no_case
    return _case(pairs, default)


def _case(pairs, default):
    if not pairs:
        return default()
    (pred, function), *others = pairs
    return cond(pred, function, lambda: _case(others, default))


def _no_case():
    raise InvalidArgumentError("case: no predicate holds, and there is no default")


@reads_sizes
def while_loop(
    cond,
    body,
    loop_vars,
    shape_invariants=None,
    parallel_iterations=10,
    back_prop=True,
    swap_memory=False,
    maximum_iterations=None,
    name=None,
):
    """``while cond(*loop_vars): loop_vars = body(*loop_vars)``.

    Args:
        cond: function of the loop variables, gives a scalar bool. body: function of them, returns them anew, with the
            same shapes and dtypes while a function is traced. loop_vars: list or tuple of (structures of) Tensors.
        maximum_iterations: scalar integer; the loop ends after as many at the latest.
        back_prop: without it there are no gradients.
        shape_invariants, parallel_iterations, swap_memory: accepted for TensorFlow's sake.

    Returns: the loop variables at the end, in the structure of ``loop_vars``.

    Raises: ValueError if a loop variable changes its shape or dtype, TypeError if ``cond`` does not give one bool.
    """
    if not isinstance(loop_vars, (list, tuple)) or not loop_vars:
        raise TypeError(f"while_loop: loop_vars must be a list or tuple with at least one element, got {loop_vars!r}")
    if not tracing():
        results = _python_loop(cond, body, _converted(loop_vars, loop_vars), maximum_iterations)
    else:
        loop_vars = _filled(loop_vars, body)
        start = [convert(x) for x in nest.flatten(loop_vars)]
        results = _traced_loop(cond, body, loop_vars, start, maximum_iterations)
    return results if back_prop else nest.pack_as(results, [apply("StopGradient", x) for x in nest.flatten(results)])


def _python_loop(cond, body, values, maximum):
    trips = 0
    while (maximum is None or trips < int(maximum)) and _goes_on(cond, values):
        after = _as_many("while_loop", values, body(*values))
        values = _converted(values, after)
        trips += 1
        if any(x.symbolic for x in nest.flatten(values)):
            break  # a graph that will never run: once is enough
    return values


def _converted(structure, values):
    """``values`` as Tensors and TensorArrays, arranged like ``structure``."""
    leaves = [x if isinstance(x, nest.Composite) else convert(x) for x in structures.flatten(values)]
    return structures.pack_sequence_as(structure, leaves)


def _filled(loop_vars, body):
    """The loop variables, with zeros in TensorArrays that only a round will write to: one is traced to see of what."""
    leaves, after = structures.flatten(loop_vars), []
    empty = [isinstance(x, nest.Composite) and not nest.flatten(x) for x in leaves]
    if not any(empty):
        return loop_vars

    def once(*tensors):
        values = nest.pack_as(loop_vars, tensors)
        after.extend(structures.flatten(_as_many("while_loop", values, body(*values))))

    trace("while_loop: body", once, [convert(x).spec for x in nest.flatten(loop_vars)])
    filled = [zeros_like(y) if is_empty else x for x, y, is_empty in zip(leaves, after, empty, strict=True)]
    return structures.pack_sequence_as(loop_vars, filled)


def _goes_on(cond, values):
    holds = _truth("while_loop: cond", cond(*values))
    return isinstance(holds, Tensor) or holds


def _as_many(op, values, returned):
    """What the body returned, as a structure like ``values``."""
    if len(values) == 1 and not isinstance(returned, (list, tuple)):
        returned = [returned]
    before, after = len(structures.flatten(values)), len(structures.flatten(returned))
    if before != after:
        raise ValueError(f"{op}: there are {before} loop variables, the body returns {after} values")
    return returned


def _traced_loop(cond, body, loop_vars, start, maximum):
    def packed(tensors):
        return nest.pack_as(loop_vars, tensors)

    def holds(*tensors):
        result = cond(*packed(tensors))
        single = isinstance(result, Operand) and result.ndim and result.shape.num_elements() == 1
        return apply("Reshape", result, shape=()) if single else result

    def step(*tensors):
        return nest.flatten(_as_many("while_loop", loop_vars, body(*packed(tensors))))

    if maximum is None:
        return packed(while_("while_loop", holds, step, start))
    limit = convert(maximum)
    counter = convert(0, hint=limit.dtype)
    results = while_(
        "while_loop",
        lambda trips, *tensors: apply("LogicalAnd", trips < limit, holds(*tensors)),
        lambda trips, *tensors: [trips + 1, *step(*tensors)],
        [counter, *start],
    )
    return packed(results[1:])


def group(*inputs, **kwargs):
    """Nothing is left to be done: ops run in the order in which the program calls them."""


def no_op(name=None):
    """Does nothing."""


def control_dependencies(control_inputs):
    """A context without effect: ops run in the order in which the program calls them, and writes are not left out."""
    return contextlib.nullcontext()


# Loops over the first axis


def _loop(name, body, carry, sequences, count, reverse=False):
    """``compile.control.scan``, in plain Python where nothing is traced."""
    if tracing():
        return scan_node(name, body, carry, sequences, count, reverse)
    rows = []
    for k in reversed(range(count)) if reverse else range(count):
        carry, emitted = body(convert(k), carry, [x[k] for x in sequences])
        carry = [convert(x) for x in carry]
        rows.append([convert(x) for x in emitted])
    rows = rows[::-1] if reverse else rows
    return carry, [stack(column) for column in zip(*rows, strict=True)]


def _rows(op, elems):
    """The flat Tensors of ``elems``, and the size of their first axis."""
    flat = [convert(x) for x in nest.flatten(elems)]
    if not flat or any(not x.ndim for x in flat):
        raise ValueError(f"{op}: elems must be tensors with at least one axis, got {elems!r}")
    sizes = [x.spec.shape[0] for x in flat]
    if len(set(sizes)) > 1:
        raise ValueError(f"{op}: all elems must have the same first axis, got sizes {sizes}")
    return flat, sizes[0]


@reads_sizes
def map_fn(
    fn,
    elems,
    dtype=None,
    parallel_iterations=None,
    back_prop=True,
    swap_memory=False,
    infer_shape=True,
    name=None,
    fn_output_signature=None,
):
    """``fn`` of each element along the first axis, stacked.

    Args:
        fn: function of one element, a structure like ``elems``. elems: (structure of) Tensors, (n, ...).
        fn_output_signature, dtype: dtype (or TensorSpec), or structure of them, of what ``fn`` returns, if it differs
            from ``elems``. back_prop: without it there are no gradients.
        parallel_iterations, swap_memory, infer_shape: accepted for TensorFlow's sake.

    Returns: structure like the one that ``fn`` returns, of Tensors (n, ...).
    """
    flat, count = _rows("map_fn", elems)
    signature = fn_output_signature if fn_output_signature is not None else dtype
    structure = []

    def body(index, carry, slices):
        result = fn(nest.pack_as(elems, slices))
        structure[:] = [result]
        return [], _of_signature(nest.flatten(result), signature)

    if count == 0 and not tracing():
        with Graph():  # finds out what the result looks like
            _, rows = body(None, [], [Tensor(Spec(tuple(x.shape[1:]), x.dtype)) for x in flat])
        stacks = [apply("Fill", shape=(0, *y.shape), value=0, dtype=y.dtype) for y in rows]
    else:
        _, stacks = _loop("map_fn", body, [], flat, count)
    stacks = stacks if back_prop else [apply("StopGradient", x) for x in stacks]
    return nest.pack_as(structure[0], stacks)


def _of_signature(leaves, signature):
    """What ``fn`` returned as Tensors of the dtypes it was said to return."""
    if signature is None:
        return [convert(x) for x in leaves]
    wanted = [dtypes.as_dtype(getattr(part, "dtype", part)) for part in nest.flatten(signature)]
    if len(wanted) != len(leaves):
        raise ValueError(f"map_fn: fn_output_signature has {len(wanted)} entries, fn returns {len(leaves)} tensors")
    found = [convert(x, hint=kind) for x, kind in zip(leaves, wanted, strict=True)]
    if [x.dtype for x in found] != wanted:
        raise TypeError(
            f"map_fn: fn_output_signature says {[kind.name for kind in wanted]}, fn returns "
            f"{[x.dtype.name for x in found]}"
        )
    return found


def _folded(op, fn, elems, initializer, reverse, every):
    """``fn(state, element)`` from element to element: the last state, or all of them stacked."""
    flat, count = _rows(op, elems)
    if initializer is None:
        if not count:
            raise ValueError(f"{op}: without elements there must be an initializer")
        first = count - 1 if reverse else 0
        initializer = nest.pack_as(elems, [x[first] for x in flat])
        flat = [x[:-1] if reverse else x[1:] for x in flat]
        count, given = count - 1, nest.flatten(initializer)
    else:
        given = []
    start = [convert(x) for x in nest.flatten(initializer)]

    def body(index, carry, slices):
        state = fn(nest.pack_as(initializer, carry), nest.pack_as(elems, slices))
        leaves = [convert(x) for x in nest.flatten(state)]
        if len(leaves) != len(carry):
            raise ValueError(f"{op}: the initial state has {len(carry)} tensors, fn returns {len(leaves)}")
        return leaves, leaves if every else []

    states, stacks = _loop(op, body, start, flat, count, reverse)
    if not every:
        return nest.pack_as(initializer, states)
    if not count and not tracing():
        stacks = [apply("Fill", shape=(0, *x.shape), value=0, dtype=x.dtype) for x in start]
    if given:
        stacks = [concat([x, y[None]] if reverse else [y[None], x], 0) for x, y in zip(stacks, given, strict=True)]
    return nest.pack_as(initializer, stacks)


@reads_sizes
def scan(
    fn,
    elems,
    initializer=None,
    parallel_iterations=10,
    back_prop=True,
    swap_memory=False,
    infer_shape=True,
    reverse=False,
    name=None,
):
    """All states of ``state = fn(state, element)`` along the first axis of ``elems``, stacked.

    Args:
        initializer: (structure of) Tensors, the state before the first element; None takes the first element itself.
        reverse: from the last element to the first. Other arguments as for ``map_fn``.
    """
    return _maybe_stopped(_folded("scan", fn, elems, initializer, reverse, every=True), back_prop)


@reads_sizes
def foldl(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
    """The last state of ``state = fn(state, element)`` along the first axis of ``elems``; see ``scan``."""
    return _maybe_stopped(_folded("foldl", fn, elems, initializer, reverse=False, every=False), back_prop)


@reads_sizes
def foldr(fn, elems, initializer=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None):
    """``foldl`` from the last element to the first."""
    return _maybe_stopped(_folded("foldr", fn, elems, initializer, reverse=True, every=False), back_prop)


def _maybe_stopped(structure, back_prop):
    if back_prop:
        return structure
    return nest.pack_as(structure, [apply("StopGradient", x) for x in nest.flatten(structure)])
