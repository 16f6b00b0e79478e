"""The table's reductions, scans and movements of data."""

from .case import Array, case

MATRIX = (4096, 1024)
OUTER = {"of all": (1, 1 << 24, 1), "over rows": (1, *MATRIX), "over columns": (*MATRIX, 1), "of 64 losses": (1, 64, 1)}


def reductions():
    for label, (outer, reduced, inner) in OUTER.items():
        for kernel, torch, numpy, tensorflow in (
            ("reduce_sum", "sum", "sum", "reduce_sum"), ("reduce_mean", "mean", "mean", "reduce_mean"),
            ("reduce_max", "amax", "max", "reduce_max"),
        ):  # fmt: skip
            peers = {
                "torch": f"torch.{torch}(x, 1, out=y)",
                "numpy": f"np.{numpy}(x, 1, out=y)",
                "tensorflow": f"tf.{tensorflow}(x, 1)",
            }
            yield _reduction(f"reduction.{kernel}", (outer, reduced, inner), f"{label} {_size(outer, reduced, inner)}", peers)
    shape, label = (1, *MATRIX), f"over rows {_size(1, *MATRIX)}"
    for kernel, torch, numpy in (("reduce_min", "torch.amin(x, 1, out=y)", "min"), ("reduce_prod", "torch.prod(x, 1, out=y)", "prod")):
        peers = {"torch": torch, "numpy": f"np.{numpy}(x, 1, out=y)"}
        yield _reduction(f"reduction.{kernel}", shape, label, peers, "positive" if kernel == "reduce_min" else "one")
    for kernel in ("any", "all"):
        peers = {"torch": f"torch.{kernel}(x, 1, out=y)", "numpy": f"np.{kernel}(x, 1, out=y)"}
        yield _reduction(f"reduction.reduce_{kernel}", shape, label, peers, "bool", dtype="bool")
    outer, reduced, inner = shape
    call = "reduction.mean_grad", ("dy", reduced, "dx")
    arrays = {"dy": Array((outer, inner)), "dx": Array(shape, "zeros")}
    peers = {"torch": f"torch.div(dy[:, None].expand(dx.shape), {reduced}, out=dx)"}
    yield case(f"mean_grad {label}", [call], arrays, ["dx"], outer * reduced * inner, peers)


def _size(outer, reduced, inner):
    return "x".join(str(size) for size in (outer, reduced, inner) if size > 1)


def _reduction(kernel, shape, label, peers, values="normal", dtype="float32", result=""):
    outer, reduced, inner = shape
    arrays = {"x": Array(shape, values), "y": Array((outer, inner), "zeros", result)}
    return case(f"{kernel.partition('.')[2]} {label}", [(kernel, ("x", "y"))], arrays, ["y"], outer * reduced * inner, peers, dtype=dtype)


def scans():
    shape, label = (1, *MATRIX), f"over rows {_size(1, *MATRIX)}"
    for kernel in ("argmax", "argmin"):
        peers = {"torch": f"torch.{kernel}(x, 1, out=y)", "numpy": f"np.{kernel}(x, 1, out=y)", "tensorflow": f"tf.{kernel}(x, 1)"}
        yield _reduction(f"scan.{kernel}", shape, label, peers, result="int64")
    peers = {"torch": "torch.logsumexp(x, 1, out=y)", "tensorflow": "tf.reduce_logsumexp(x, 1)"}
    yield _reduction("scan.logsumexp", shape, label, peers)
    x, small = Array(shape), Array((1, MATRIX[1]))
    out, elements = Array(shape, "zeros"), MATRIX[0] * MATRIX[1]
    peers = {"torch": "torch.cumsum(x, 1, out=y)", "numpy": "np.cumsum(x, 1, out=y)", "tensorflow": "tf.cumsum(x, 1)"}
    yield case(f"cumsum {label}", [("scan.cumsum", ("x", False, False, "y"))], {"x": x, "y": out}, ["y"], elements, peers)
    arrays = {"x": x, "y": small, "dy": small, "dx": out}
    yield case(f"extremum_grad {label}", [("scan.extremum_grad", ("x", "y", "dy", "dx"))], arrays, [], 3 * elements)
    arrays = {"x": Array(shape, "one"), "dy": small, "dx": out}
    yield case(f"prod_grad {label}", [("scan.prod_grad", ("x", "dy", "dx"))], arrays, ["dx"], 4 * elements)


def _move(kernel, arguments, arrays, output, torch="", tensorflow="", operations=0, label="2048x2048", **settings):
    peers = {side: text for side, text in (("torch", torch), ("tensorflow", tensorflow)) if text}
    outputs = output.split()
    return case(f"{kernel} {label}", [(f"array.{kernel}", arguments)], arrays, outputs, operations, peers, **settings)


def movements():
    """Most of these are NumPy's own copies, so NumPy is no peer."""
    n = 2048
    x, y, half, double = Array((n, n)), Array((n, n), "zeros"), Array((n, n // 2)), Array((n, 2 * n), "zeros")
    square, inside = {"x": x, "y": y}, Array((n - 8, n - 8))
    yield _move("cast", ("x", "y"), {"x": x, "y": Array((n, n), "zeros", "float64")}, "y", "y.copy_(x)", "tf.cast(x, tf.float64)")
    yield _move("fill", (1.0, "y"), {"y": y}, "y", "y.fill_(1.0)", "tf.ones(y.shape)")
    yield _move("broadcast_to", ("x", "y"), {"x": Array((n,)), "y": y}, "y", "y.copy_(x)", "tf.broadcast_to(x, y.shape)")
    yield _move("transpose", ("x", (1, 0), "y"), square, "y", "y.copy_(x.T)", "tf.transpose(x)")
    to_nchw = {"x": Array((64, 28, 28, 32)), "y": Array((64, 32, 28, 28), "zeros")}
    yield _move(
        "transpose", ("x", (0, 3, 1, 2), "y"), to_nchw, "y",
        "y.copy_(x.permute(0, 3, 1, 2))", "tf.transpose(x, (0, 3, 1, 2))", label="64x28x28x32 to NCHW",
    )  # fmt: skip
    parts = {"a": x, "b": x, "y": double}
    yield _move("concat", (("a", "b"), 1, "y"), parts, "y", "torch.cat((a, b), 1, out=y)", "tf.concat((a, b), 1)")
    parts = {"a": x, "b": x, "y": Array((2, n, n), "zeros")}
    yield _move("stack", (("a", "b"), 0, "y"), parts, "y", "torch.stack((a, b), out=y)", "tf.stack((a, b))")
    parts = {"x": Array((n, 2 * n)), "a": y, "b": y}
    yield _move("split", ("x", 1, ("a", "b")), parts, "a b", "", "tf.split(x, 2, 1)")
    edges = ((4, 4), (4, 4))
    padded = {"x": inside, "y": y}
    yield _move("pad", ("x", edges, 0.0, "y"), padded, "y", "F.pad(x, (4, 4, 4, 4))", f"tf.pad(x, {edges})")
    yield _move("mirror_pad", ("x", edges, "reflect", "y"), padded, "y", "F.pad(x[None], (4, 4, 4, 4), 'reflect')", f"tf.pad(x, {edges}, 'REFLECT')")
    folded = {"dy": x, "dx": Array((n - 8, n - 8), "zeros")}
    yield _move("mirror_pad_grad", ("dy", edges, "reflect", "dx"), folded, "dx", "", f"tf.raw_ops.MirrorPadGrad(input=dy, paddings={edges}, mode='REFLECT')")
    yield _move("tile", ("x", (1, 2), "y"), {"x": half, "y": y}, "y", "x.repeat(1, 2)", "tf.tile(x, (1, 2))")
    part = (slice(0, n, 2), slice(4, n - 4))
    cut = {"x": x, "y": Array((n // 2, n - 8), "zeros")}
    yield _move("strided_slice", ("x", part, "y"), cut, "y", "y.copy_(x[::2, 4:-4])", "x[::2, 4:-4]")
    cut = {"dy": Array((n // 2, n - 8)), "dx": y}
    yield _move("strided_slice_grad", ("dy", part, "dx"), cut, "dx")
    yield _move("reverse", ("x", (1,), "y"), square, "y", "x.flip(1)", "tf.reverse(x, (1,))")
    yield _move("roll", ("x", (3,), (1,), "y"), square, "y", "x.roll(3, 1)", "tf.roll(x, 3, 1)")
    yield from _indexed()


def _indexed():
    rows, width = 1 << 16, 128
    order = Array((rows,), "order", "int64")
    three, out = Array((1, rows, width)), Array((1, rows, width), "zeros")
    label = f"{rows}x{width}"
    yield _move(
        "gather", ("x", "order", "y"), {"x": three, "order": order, "y": out}, "y",
        "torch.index_select(x, 1, order, out=y)", "tf.gather(x, order, axis=1)", label=label,
    )  # fmt: skip
    yield _move(
        "gather_grad", ("dy", "order", "dx"), {"dy": three, "order": order, "dx": out}, "dx",
        "dx.zero_().index_add_(1, order, dy)", "", rows * width, label,
    )  # fmt: skip
    digits = {"x": Array((rows, 1), "digit", "int64"), "y": Array((rows, 10, 1), "zeros")}
    yield _move("one_hot", ("x", 1.0, 0.0, "y"), digits, "y", "F.one_hot(x[:, 0], 10)", "tf.one_hot(x[:, 0], 10)", label=f"{rows}x10")
    line = {"y": Array((1 << 20,), "zeros")}
    yield _move("arange", (0.0, 1.0, "y"), line, "y", "torch.arange(0, y.numel(), out=y)", "tf.range(0.0, y.shape[0])", label="1Mi")
    yield _move("linspace", (0.0, 1.0, "y"), line, "y", "torch.linspace(0, 1, y.numel(), out=y)", "tf.linspace(0.0, 1.0, y.shape[0])", label="1Mi")
    yield _move("eye", ("y",), {"y": Array((2048, 2048), "zeros")}, "y", "torch.eye(2048, out=y)", "tf.eye(2048)")
