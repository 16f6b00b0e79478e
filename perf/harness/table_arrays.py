"""The table's reductions, scans and movements of data."""

from .case import Array, case, peers

MATRIX = (4096, 1024)
OF_ALL, OVER_ROWS, OVER_COLUMNS, OF_LOSSES = (1, 1 << 24, 1), (1, *MATRIX), (*MATRIX, 1), (1, 64, 1)
AXES = {"of all": OF_ALL, "over rows": OVER_ROWS, "over columns": OVER_COLUMNS, "of a batch's losses": OF_LOSSES}


def reductions():
    """Arrays are (outer, reduced, inner)."""
    for label, shape in AXES.items():
        for kernel, torch in (("sum", "sum"), ("mean", "mean"), ("max", "amax")):
            yield _reduction(kernel, label, shape, torch, kernel, f"reduce_{kernel}")
    yield _reduction("min", "over rows", OVER_ROWS, "amin", "min", "reduce_min")
    yield _reduction("prod", "over rows", OVER_ROWS, "prod", "prod", "reduce_prod", "one")
    yield _reduction("any", "over rows", OVER_ROWS, "any", "any", "reduce_any", "bool", dtype="bool")
    yield _reduction("all", "over rows", OVER_ROWS, "all", "all", "reduce_all", "bool", dtype="bool")
    outer, reduced, inner = OVER_ROWS
    arrays = {"dy": Array((outer, inner)), "dx": Array(OVER_ROWS, "zeros")}
    torch = f"torch.div(dy[:, None].expand(dx.shape), {reduced}, out=dx)"
    call = "reduction.mean_grad", ("dy", reduced, "dx")
    yield case(f"mean_grad over rows {_times(OVER_ROWS)}", [call], arrays, ["dx"], reduced * inner, peers(torch))


def _times(shape):
    return "x".join(str(size) for size in shape if size > 1)


def _reduction(kernel, label, shape, torch, numpy, tensorflow, values="normal", family="reduction", **settings):
    outer, reduced, inner = shape
    name = f"reduce_{kernel}" if family == "reduction" else kernel
    result = "int64" if kernel.startswith("arg") else ""
    return case(
        f"{name} {label} {_times(shape)}",
        [(f"{family}.{name}", ("x", "y"))],
        {"x": Array(shape, values), "y": Array((outer, inner), "zeros", result)},
        ["y"],
        outer * reduced * inner,
        peers(f"torch.{torch}(x, 1, out=y)", numpy and f"np.{numpy}(x, 1, out=y)", f"tf.{tensorflow}(x, 1)"),
        **settings,
    )


def scans():
    for kernel in ("argmax", "argmin"):
        yield _reduction(kernel, "over rows", OVER_ROWS, kernel, kernel, kernel, family="scan")
    yield _reduction("logsumexp", "over rows", OVER_ROWS, "logsumexp", "", "reduce_logsumexp", family="scan")
    label, elements = f"over rows {_times(OVER_ROWS)}", MATRIX[0] * MATRIX[1]
    x, small, out = Array(OVER_ROWS), Array((1, MATRIX[1])), Array(OVER_ROWS, "zeros")
    same = peers("torch.cumsum(x, 1, out=y)", "np.cumsum(x, 1, out=y)", "tf.cumsum(x, 1)")
    call = "scan.cumsum", ("x", False, False, "y")
    yield case(f"cumsum {label}", [call], {"x": x, "y": out}, ["y"], elements, same)
    call = "scan.extremum_grad", ("x", "y", "dy", "dx")
    yield case(f"extremum_grad {label}", [call], {"x": x, "y": small, "dy": small, "dx": out}, [], 3 * elements)
    call = "scan.prod_grad", ("x", "dy", "dx")
    yield case(f"prod_grad {label}", [call], {"x": x, "dy": small, "dx": out}, ["dx"], 4 * elements)


N = 2048
EDGES = ((4, 4), (4, 4))
PART = (slice(0, N, 2), slice(4, N - 4))
SQUARE, OUT, WIDE, HALF = (N, N), Array((N, N), "zeros"), (N, 2 * N), (N, N // 2)
INSIDE, CUT = (N - 8, N - 8), (N // 2, N - 8)

# Kernel, arguments, outputs, arrays (shapes of inputs, outputs as they are), PyTorch, TensorFlow.
MOVEMENTS = (
    ("cast", ("x", "y"), "y", {"x": SQUARE, "y": Array(SQUARE, "zeros", "float64")},
     "y.copy_(x)", "tf.cast(x, 'float64')"),
    ("fill", (1.0, "y"), "y", {"y": OUT}, "y.fill_(1.0)", "tf.ones(y.shape)"),
    ("broadcast_to", ("x", "y"), "y", {"x": (N,), "y": OUT}, "y.copy_(x)", "tf.broadcast_to(x, y.shape)"),
    ("transpose", ("x", (1, 0), "y"), "y", {"x": SQUARE, "y": OUT}, "y.copy_(x.T)", "tf.transpose(x)"),
    ("concat", (("a", "b"), 1, "y"), "y", {"a": SQUARE, "b": SQUARE, "y": Array(WIDE, "zeros")},
     "torch.cat((a, b), 1, out=y)", "tf.concat((a, b), 1)"),
    ("stack", (("a", "b"), 0, "y"), "y", {"a": SQUARE, "b": SQUARE, "y": Array((2, N, N), "zeros")},
     "torch.stack((a, b), out=y)", "tf.stack((a, b))"),
    ("split", ("x", 1, ("a", "b")), "a b", {"x": WIDE, "a": OUT, "b": OUT},
     "(a.copy_(x[:, :2048]), b.copy_(x[:, 2048:]))", "tf.split(x, 2, 1)"),
    ("pad", ("x", EDGES, 0.0, "y"), "y", {"x": INSIDE, "y": OUT}, "F.pad(x, (4, 4, 4, 4))", f"tf.pad(x, {EDGES})"),
    ("mirror_pad", ("x", EDGES, "reflect", "y"), "y", {"x": INSIDE, "y": OUT},
     "F.pad(x[None], (4, 4, 4, 4), 'reflect')", f"tf.pad(x, {EDGES}, 'REFLECT')"),
    ("mirror_pad_grad", ("dy", EDGES, "reflect", "dx"), "dx", {"dy": SQUARE, "dx": Array(INSIDE, "zeros")},
     "aten.reflection_pad2d_backward(dy[None], dx[None], (4, 4, 4, 4), grad_input=dx[None])",
     f"tf.raw_ops.MirrorPadGrad(input=dy, paddings={EDGES}, mode='REFLECT')"),
    ("tile", ("x", (1, 2), "y"), "y", {"x": HALF, "y": OUT}, "x.repeat(1, 2)", "tf.tile(x, (1, 2))"),
    ("strided_slice", ("x", PART, "y"), "y", {"x": SQUARE, "y": Array(CUT, "zeros")},
     "y.copy_(x[::2, 4:-4])", "x[::2, 4:-4]"),
    ("strided_slice_grad", ("dy", PART, "dx"), "dx", {"dy": CUT, "dx": OUT},
     "dx.zero_()[::2, 4:-4].copy_(dy)", ""),
    ("reverse", ("x", (1,), "y"), "y", {"x": SQUARE, "y": OUT}, "x.flip(1)", "tf.reverse(x, (1,))"),
    ("roll", ("x", (3,), (1,), "y"), "y", {"x": SQUARE, "y": OUT}, "x.roll(3, 1)", "tf.roll(x, 3, 1)"),
    ("arange", (0.0, 1.0, "y"), "y", {"y": Array((N * N,), "zeros")},
     "torch.arange(0, y.numel(), out=y)", "tf.range(0.0, y.shape[0])"),
    ("linspace", (0.0, 1.0, "y"), "y", {"y": Array((N * N,), "zeros")},
     "torch.linspace(0, 1, y.numel(), out=y)", "tf.linspace(0.0, 1.0, y.shape[0])"),
    ("eye", ("y",), "y", {"y": OUT}, "torch.eye(2048, out=y)", "tf.eye(2048)"),
)  # fmt: skip


def movements():
    """Most of these are NumPy's own copies, so NumPy is no peer."""
    for kernel, arguments, outputs, arrays, torch, tensorflow in MOVEMENTS:
        arrays = {name: Array(array) if isinstance(array, tuple) else array for name, array in arrays.items()}
        same = peers(torch, "", tensorflow)
        yield case(f"{kernel} {N}x{N}", [(f"array.{kernel}", arguments)], arrays, outputs.split(), 0, same)
    nhwc, nchw = (64, 28, 28, 32), (64, 32, 28, 28)
    same = peers("y.copy_(x.permute(0, 3, 1, 2))", "", "tf.transpose(x, (0, 3, 1, 2))")
    call = "array.transpose", ("x", (0, 3, 1, 2), "y")
    yield case(
        f"transpose {_times(nhwc)} to NCHW", [call], {"x": Array(nhwc), "y": Array(nchw, "zeros")}, ["y"], 0, same
    )
    rows, width = 1 << 16, 128
    order, x, y = Array((rows,), "order", "int64"), Array((1, rows, width)), Array((1, rows, width), "zeros")
    same = peers("torch.index_select(x, 1, order, out=y)", "", "tf.gather(x, order, axis=1)")
    call, arrays = ("array.gather", ("x", "order", "y")), {"x": x, "order": order, "y": y}
    yield case(f"gather {rows}x{width}", [call], arrays, ["y"], 0, same)
    same = peers("y.zero_().index_add_(1, order, x)")
    call = "array.gather_grad", ("x", "order", "y")
    yield case(f"gather_grad {rows}x{width}", [call], arrays, ["y"], rows * width, same)
    same = peers("F.one_hot(x[:, 0], 10)", "", "tf.one_hot(x[:, 0], 10)")
    arrays = {"x": Array((rows, 1), "digit", "int64"), "y": Array((rows, 10, 1), "zeros")}
    yield case(f"one_hot {rows}x10", [("array.one_hot", ("x", 1.0, 0.0, "y"))], arrays, ["y"], 0, same)
