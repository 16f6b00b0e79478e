"""``tf.show(tf.nn.conv2d)``: an op on one page. Formula, record, kernels forward and backward, cost, gradient check."""

import inspect
import textwrap

import numpy as np

from microdl.compile.explain import first_line, shapes_text
from microdl.core.constant import constant
from microdl.core.costs import cost_of, kernels_of, record_of
from microdl.core.kernels import cpu
from microdl.core.op import Op
from microdl.core.tape import GradientTape
from microdl.core.tensor import Tensor, apply
from microdl.profiler.gradient_check import check_gradient
from microdl.profiler.profile import profile


def _numbers(*shape):
    """float64 between 0.1 and 0.9, where most functions are smooth, no two of them equal."""
    count = int(np.prod(shape))
    return np.random.default_rng(count).permutation(np.linspace(0.1, 0.9, max(count, 1))[:count]).reshape(shape)


# What calls for more than one or two tensors of a shape: name of the function -> arguments.
EXAMPLES = {
    "conv2d": lambda: ((_numbers(2, 5, 5, 2), _numbers(3, 3, 2, 3)), {"strides": 1, "padding": "SAME"}),
    "convolution": lambda: ((_numbers(2, 5, 5, 2), _numbers(3, 3, 2, 3)), {}),
    "depthwise_conv2d": lambda: ((_numbers(2, 5, 5, 2), _numbers(3, 3, 2, 1)), {"strides": 1, "padding": "SAME"}),
    "max_pool2d": lambda: ((_numbers(2, 4, 4, 2),), {"ksize": 2, "strides": 2, "padding": "VALID"}),
    "max_pool": lambda: ((_numbers(2, 4, 4, 2),), {"ksize": 2, "strides": 2, "padding": "VALID"}),
    "avg_pool2d": lambda: ((_numbers(2, 4, 4, 2),), {"ksize": 2, "strides": 2, "padding": "VALID"}),
    "avg_pool": lambda: ((_numbers(2, 4, 4, 2),), {"ksize": 2, "strides": 2, "padding": "VALID"}),
    "bias_add": lambda: ((_numbers(3, 4), _numbers(4)), {}),
    "matmul": lambda: ((_numbers(3, 4), _numbers(4, 2)), {}),
    "sparse_softmax_cross_entropy_with_logits": lambda: ((np.array([0, 2, 1]), _numbers(3, 4)), {}),
    "softmax_cross_entropy_with_logits": lambda: ((np.full((3, 4), 0.25), _numbers(3, 4)), {}),
}


def show(function, *args, source=True, **kwargs):
    """Prints what an op is: formula, record, kernels with their sources, cost, and a gradient check that runs now.

    Args:
        function: a public function of tensors (``tf.nn.conv2d``), or the name of an op (``"Conv2D"``) with its inputs.
        args, kwargs: what it is called with here; by default small arrays, where such are known or can be guessed.
        source: bool, whether to print sources.

    Raises: ValueError where no arguments are given and none can be guessed.
    """
    name = function if isinstance(function, str) else getattr(function, "__name__", str(function))
    call = _op_as_function(function) if isinstance(function, str) else function
    if args:
        arrays = [np.asarray(x) for x in args]
        arrays = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in arrays]
    else:
        arrays, kwargs = _example(name, call, kwargs)

    def run(*tensors):
        return call(*tensors, **kwargs)

    ops, backward_ops, differentiable = _ops_of(run, arrays)
    if not isinstance(function, str):
        _heading(f"{name}{_signature(function)}")
        print(inspect.getdoc(function) or "")
    for op in ops:
        _show_record(op, source)
    for direction, found in (("forward", ops), ("backward", backward_ops)):
        for family, kernel in dict.fromkeys(kernel for op in found for kernel in kernels_of(op)):
            _show_kernel(direction, family, kernel, source)
    _heading(f"run now: {name} of {shapes_text([constant(x) for x in arrays])}, float64")
    for op, (flops, moved) in ops.items():
        print(f"{op.name}: {flops:,} floating point operations, {moved:,} bytes by its cost model")
    print(_checked(run, arrays) if differentiable else "no gradient to check")


def _op_as_function(name):
    return lambda *tensors, **attrs: apply(name, *tensors, **attrs)


def _signature(function):
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return "(...)"


def _example(name, call, kwargs):
    """Arrays and keyword arguments for a call: known ones, else one or two matrices if the function takes them."""
    if name in EXAMPLES:
        arrays, known = EXAMPLES[name]()
        return list(arrays), known | kwargs
    for arrays in ([_numbers(3, 4)], [_numbers(3, 4), _numbers(4, 3).T.copy()]):
        try:
            call(*map(constant, arrays), **kwargs)
        except (TypeError, ValueError, KeyError):
            continue
        return arrays, kwargs
    raise ValueError(f"show: no example is known for {name}; give its arguments: tf.show(tf.{name}, x, ...)")


def _ops_of(run, arrays):
    """{Op: cost} of the ops of a call, those of its gradient, whether there is one: found by running both."""
    tensors = [constant(x) for x in arrays]
    floating = [x for x in tensors if x.dtype.is_floating]
    with profile() as p:
        with GradientTape() as tape:
            tape.watch(floating)
            outputs = run(*tensors)
        outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
        if targets := [y for y in outputs if isinstance(y, Tensor) and y.dtype.is_floating and tape.follows((y,))]:
            tape.gradient(targets, floating)
    ops, backward_ops = {}, {}
    for one in p.op_runs():
        op: Op = one.op
        if one.phase == "backward":
            backward_ops[op] = None
        else:
            ops.setdefault(op, cost_of(op, one.input_specs, one.specs, one.attrs))
    return ops, [op for op in backward_ops if op.name != "OnesLike"], bool(targets)


def _heading(text):
    print(f"\n{text}\n{'=' * min(len(text), 100)}")


def _show_record(op, source):
    record = record_of(op)
    _heading(f"op {op.name}({', '.join(op.inputs)})")
    if first_line(record):
        print(first_line(record))
    keeps = [op.input_name(i) for i in sorted(op.keep_inputs)] + [f"output {i}" for i in sorted(op.keep_outputs)]
    print(f"The gradient reads {', '.join(keeps) or 'no values'}." if op.gradient else "It has no gradient.")
    if source and record is not None:
        print(f"\n{inspect.getsource(record).rstrip()}")


def _show_kernel(direction, family, name, source):
    found = getattr(getattr(cpu, family), name)
    function = inspect.unwrap(getattr(found, "py_func", found))
    _heading(f"{direction} kernel {family}.{name}")
    print(textwrap.dedent(inspect.getsource(function)).rstrip() if source else first_line(function))


def _checked(run, arrays):
    worst, checked = check_gradient(run, arrays)
    text = "agree" if worst < 1e-6 else "DIFFER"
    return f"gradient and differences {text}: {checked} elements, largest relative difference {worst:.1e}"
