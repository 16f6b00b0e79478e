"""The table's elementwise kernels: activations, functions of one array, operators of two, bits.

A row: kernel, its arguments, operations per element (rough), and what PyTorch, NumPy and TensorFlow do. Arrays are flat
and of one size, "y" and "dx" are outputs; where x must be positive or within [-1, 1], ``DRAWN`` says so.
"""

from .case import Array, Layout, case, peers

SIZES = {"4Ki": 1 << 12, "64Ki": 1 << 16, "16Mi": 1 << 24}  # of float32: in L1, in L2, out of all caches
OTHER = {"1Mi": 1 << 20}
MAIN = {
    "activation.relu", "activation.relu_grad", "activation.sigmoid", "activation.tanh", "activation.gelu_tanh",
    "unary.exp", "unary.log", "elementwise.add", "elementwise.multiply",
}  # fmt: skip
DRAWN = {
    "positive": {"log", "log1p", "sqrt", "rsqrt", "reciprocal", "sqrt_grad", "rsqrt_grad"},
    "unit": {"asin", "acos"},
}

ACTIVATIONS = (
    ("relu", ("x", "y"), 1, "torch.clamp_min(x, 0, out=y)", "np.maximum(x, 0, out=y)", "tf.nn.relu(x)"),
    ("relu_grad", ("dy", "x", "dx"), 1, "aten.threshold_backward(dy, x, 0, grad_input=dx)", "",
     "tf.raw_ops.ReluGrad(gradients=dy, features=x)"),
    ("relu6", ("x", "y"), 2, "torch.clamp(x, 0, 6, out=y)", "np.clip(x, 0, 6, out=y)", "tf.nn.relu6(x)"),
    ("relu6_grad", ("dy", "x", "dx"), 2, "aten.hardtanh_backward(dy, x, 0, 6, grad_input=dx)", "",
     "tf.raw_ops.Relu6Grad(gradients=dy, features=x)"),
    ("leaky_relu", ("x", 0.2, "y"), 2, "aten.leaky_relu(x, 0.2, out=y)", "", "tf.nn.leaky_relu(x, 0.2)"),
    ("leaky_relu_grad", ("dy", "x", 0.2, "dx"), 2, "aten.leaky_relu_backward(dy, x, 0.2, False, grad_input=dx)", "",
     "tf.raw_ops.LeakyReluGrad(gradients=dy, features=x, alpha=0.2)"),
    ("elu", ("x", 1.0, 1.0, "y"), 12, "aten.elu(x, out=y)", "", "tf.nn.elu(x)"),
    ("elu_grad", ("dy", "y0", 1.0, 1.0, "dx"), 3,
     "aten.elu_backward(dy, 1.0, 1.0, 1.0, True, y0, grad_input=dx)", "",
     "tf.raw_ops.EluGrad(gradients=dy, outputs=y0)"),
    ("sigmoid", ("x", "y"), 12, "torch.sigmoid(x, out=y)", "", "tf.sigmoid(x)"),
    ("sigmoid_grad", ("dy", "y0", "dx"), 3, "aten.sigmoid_backward(dy, y0, grad_input=dx)", "",
     "tf.raw_ops.SigmoidGrad(y=y0, dy=dy)"),
    ("tanh", ("x", "y"), 12, "torch.tanh(x, out=y)", "np.tanh(x, out=y)", "tf.tanh(x)"),
    ("tanh_grad", ("dy", "y0", "dx"), 3, "aten.tanh_backward(dy, y0, grad_input=dx)", "",
     "tf.raw_ops.TanhGrad(y=y0, dy=dy)"),
    ("softplus", ("x", "y"), 22, "aten.softplus(x, out=y)", "np.logaddexp(x, 0, out=y)", "tf.nn.softplus(x)"),
    ("softplus_grad", ("dy", "x", "dx"), 13, "aten.softplus_backward(dy, x, 1, 20, grad_input=dx)", "",
     "tf.raw_ops.SoftplusGrad(gradients=dy, features=x)"),
    ("softsign", ("x", "y"), 3, "F.softsign(x)", "", "tf.nn.softsign(x)"),
    ("softsign_grad", ("dy", "x", "dx"), 4, "", "", "tf.raw_ops.SoftsignGrad(gradients=dy, features=x)"),
    ("silu", ("x", 1.0, "y"), 13, "aten.silu(x, out=y)", "", "tf.nn.silu(x)"),
    ("silu_grad", ("dy", "x", 1.0, "dx"), 18, "aten.silu_backward(dy, x, grad_input=dx)", "", ""),
    ("gelu", ("x", "y"), 25, "aten.gelu(x, out=y)", "", "tf.nn.gelu(x)"),
    ("gelu_grad", ("dy", "x", "dx"), 35, "aten.gelu_backward(dy, x, grad_input=dx)", "", ""),
    ("gelu_tanh", ("x", "y"), 18, "aten.gelu(x, approximate='tanh', out=y)", "", "tf.nn.gelu(x, approximate=True)"),
    ("gelu_tanh_grad", ("dy", "x", "dx"), 25, "aten.gelu_backward(dy, x, approximate='tanh', grad_input=dx)", "", ""),
)  # fmt: skip

# Kernel, operations, and the name in PyTorch, NumPy and tf.math where it is the same call with that name.
UNARY = (
    ("negative", 1, "neg", "negative", "negative"),
    ("abs", 1, "abs", "abs", "abs"),
    ("sign", 1, "sign", "sign", "sign"),
    ("floor", 1, "floor", "floor", "floor"),
    ("ceil", 1, "ceil", "ceil", "ceil"),
    ("round", 1, "round", "rint", "round"),
    ("square", 1, "square", "square", "square"),
    ("sqrt", 1, "sqrt", "sqrt", "sqrt"),
    ("rsqrt", 2, "rsqrt", "", "rsqrt"),
    ("reciprocal", 1, "reciprocal", "reciprocal", "reciprocal"),
    ("exp", 10, "exp", "exp", "exp"),
    ("expm1", 10, "expm1", "expm1", "expm1"),
    ("log", 10, "log", "log", "log"),
    ("log1p", 10, "log1p", "log1p", "log1p"),
    ("erf", 20, "erf", "", "erf"),
    ("sin", 20, "sin", "sin", "sin"),
    ("cos", 20, "cos", "cos", "cos"),
    ("tan", 20, "tan", "tan", "tan"),
    ("asin", 20, "asin", "arcsin", "asin"),
    ("acos", 20, "acos", "arccos", "acos"),
    ("atan", 20, "atan", "arctan", "atan"),
    ("sinh", 20, "sinh", "sinh", "sinh"),
    ("cosh", 20, "cosh", "cosh", "cosh"),
)

UNARY_BOOL = (
    ("is_nan", "torch.isnan(x)", "np.isnan(x, out=y)", "tf.math.is_nan(x)"),
    ("is_inf", "torch.isinf(x)", "np.isinf(x, out=y)", "tf.math.is_inf(x)"),
    ("is_finite", "torch.isfinite(x)", "np.isfinite(x, out=y)", "tf.math.is_finite(x)"),
)

UNARY_GRAD = (("sqrt_grad", 2, "SqrtGrad"), ("rsqrt_grad", 4, "RsqrtGrad"), ("reciprocal_grad", 3, "ReciprocalGrad"))

BINARY = (
    ("add", "add", "add", "add"),
    ("subtract", "sub", "subtract", "subtract"),
    ("multiply", "mul", "multiply", "multiply"),
    ("multiply_no_nan", "", "", "multiply_no_nan"),
    ("divide", "div", "divide", "divide"),
    ("floordiv_real", "", "", "floordiv"),
    ("floormod", "remainder", "mod", "floormod"),
    ("pow", "pow", "power", "pow"),
    ("maximum", "maximum", "maximum", "maximum"),
    ("minimum", "minimum", "minimum", "minimum"),
    ("squared_difference", "", "", "squared_difference"),
)

COMPARISONS = (
    ("equal", "eq", "equal", "equal"),
    ("not_equal", "ne", "not_equal", "not_equal"),
    ("less", "lt", "less", "less"),
    ("less_equal", "le", "less_equal", "less_equal"),
    ("logical_and", "logical_and", "logical_and", "logical_and"),
    ("logical_or", "logical_or", "logical_or", "logical_or"),
)


def _flat(kernel, arguments, operations, others, n, label, special=None, dtype="float32"):
    """A row on arrays of ``n`` elements, of which the last is the output; ``special``: those not drawn as usual."""
    name = kernel.partition(".")[2]
    drawn = next((how for how, kernels in DRAWN.items() if name in kernels), "normal")
    *inputs, output = [part for part in arguments if isinstance(part, str)]
    contents = {part: Array((n,), drawn) for part in inputs} | {output: Array((n,), "zeros")} | (special or {})
    same = peers(*others)
    return case(f"{name} {label}", [(kernel, arguments)], contents, [output], operations * n, same, dtype=dtype)


def _sizes(kernel):
    return (SIZES if kernel in MAIN else OTHER).items()


def _calls(names, arguments):
    """The peers' expressions from names of functions."""
    torch, numpy, tensorflow = names
    return (
        torch and f"torch.{torch}({arguments}, out=y)",
        numpy and f"np.{numpy}({arguments}, out=y)",
        tensorflow and f"tf.math.{tensorflow}({arguments})",
    )


def activations():
    for name, arguments, operations, *others in ACTIVATIONS:
        for label, n in _sizes(f"activation.{name}"):
            yield _flat(f"activation.{name}", arguments, operations, others, n, label)


def unary():
    for name, operations, *others in UNARY:
        for label, n in _sizes(f"unary.{name}"):
            yield _flat(f"unary.{name}", ("x", "y"), operations, _calls(others, "x"), n, label)
    ((label, n),) = OTHER.items()
    for name, *others in UNARY_BOOL:
        yield _flat(f"unary.{name}", ("x", "y"), 1, others, n, label, {"y": Array((n,), "zeros", "bool")})
    for name, operations, raw in UNARY_GRAD:
        others = "", "", f"tf.raw_ops.{raw}(y=x, dy=dy)"
        yield _flat(f"unary.{name}", ("x", "dy", "dx"), operations, others, n, label)
    clip = "torch.clamp(x, -1, 1, out=y)", "np.clip(x, -1, 1, out=y)", "tf.clip_by_value(x, -1, 1)"
    yield _flat("unary.clip", ("x", -1.0, 1.0, "y"), 2, clip, n, label)
    logical_not = "torch.logical_not(x, out=y)", "np.logical_not(x, out=y)", "tf.logical_not(x)"
    yield _flat("unary.logical_not", ("x", "y"), 1, logical_not, n, label, {"x": Array((n,), "bool")}, dtype="bool")


def operators():
    for name, *others in BINARY:
        for label, n in _sizes(f"elementwise.{name}"):
            yield _operator(name, others, n, label)
    ((label, n),) = OTHER.items()
    for name, *others in COMPARISONS:
        logical = dict.fromkeys(("a", "b"), Array((n,), "bool", "bool")) if "logical" in name else {}
        yield _operator(name, others, n, label, {**logical, "y": Array((n,), "zeros", "bool")})
    integers = {"a": Array((n,), "order"), "b": Array((n,), "from 1 to 9")}
    yield _operator("floordiv", ("", "floor_divide", "floordiv"), n, label, integers, "int32")
    others = "torch.where(condition, a, b, out=y)", "np.where(condition, a, b)", "tf.where(condition, a, b)"
    arguments = ("condition", "a", "b", Layout(((n,),) * 3), "y")
    yield _flat("elementwise.select", arguments, 1, others, n, label, {"condition": Array((n,), "bool", "bool")})
    rows, columns = 4096, 1024  # a row added to a matrix
    contents = {
        "a": Array((rows * columns,)),
        "b": Array((columns,)),
        "y": Array((rows * columns,), "zeros"),
    }
    same = peers(
        f"torch.add(a.view(-1, {columns}), b, out=y.view(-1, {columns}))",
        f"np.add(a.reshape(-1, {columns}), b, out=y.reshape(-1, {columns}))",
        f"tf.reshape(a, (-1, {columns})) + b",
    )
    call = "elementwise.add", ("a", "b", Layout(((rows, columns), (columns,))), "y")
    yield case(f"add {rows}x{columns} and {columns}", [call], contents, ["y"], rows * columns, same)


def _operator(name, others, n, label, special=None, dtype="float32"):
    special = {"a": Array((n,), "positive"), **(special or {})}
    arguments = ("a", "b", Layout(((n,),) * 2), "y")
    calls = _calls(others, "a, b")
    return _flat(f"elementwise.{name}", arguments, 1, calls, n, label, special, dtype)


def bits():
    ((label, n),) = OTHER.items()
    digits = {name: Array((n,), "digit") for name in ("a", "b")}
    for name in ("and", "or", "xor"):
        others = f"torch.bitwise_{name}(a, b, out=y)", "", f"tf.bitwise.bitwise_{name}(a, b)"
        yield _flat(f"integer.bitwise_{name}", ("a", "b", "y"), 1, others, n, label, digits, "int32")
    others = "torch.bitwise_not(x, out=y)", "", "tf.bitwise.invert(x)"
    yield _flat("integer.invert", ("x", "y"), 1, others, n, label, {"x": Array((n,), "digit")}, "int32")
