"""PyTorch's side (oneDNN, MKL). Rows name these functions; each gives the ways to do a row's work.

A way is a name (of the memory layout, where there is a choice) with a call and a function that gives its results as
NumPy arrays of the table's layout. Outputs are preallocated wherever PyTorch can write into them.
"""

import functools
import sys

import torch  # pyright: ignore[reportMissingImports]
import torch.nn.functional as F  # pyright: ignore[reportMissingImports]

from .expression import ways

aten = torch.ops.aten
LAYOUTS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


def start(threads):
    torch.set_num_threads(threads)
    return {"PyTorch": torch.__version__}


def variants(case, arrays, device="cpu"):
    tensors = {name: torch.from_numpy(array).clone().to(device) for name, array in arrays.items()}
    names = {"torch": torch, "aten": aten, "F": F}
    return ways(sys.modules[__name__], case, tensors, names, _back)


def _back(tensor):
    """A tensor as an array of the host."""
    return tensor.detach().cpu().numpy()


def matmul(t, transpose_a, transpose_b):
    a, b, c = t["a"][0], t["b"][0], t["c"][0]
    a, b = a.T if transpose_a else a, b.T if transpose_b else b
    return {"": (lambda: torch.mm(a, b, out=c), lambda: {"c": _back(c)})}


def matmul_bias(t, relu):
    a, b, bias = t["a"][0], t["b"][0], t["bias"]
    call = (lambda: torch.addmm(bias, a, b).relu_()) if relu else (lambda: torch.addmm(bias, a, b))
    return {"": (call, lambda: {"c": _back(call())})}


def _image(tensor, layout):
    """A tensor of shape (n, c, h, w), in ``layout``, from an array of shape (n, h, w, c)."""
    return tensor.permute(0, 3, 1, 2).contiguous(memory_format=layout)


def _filter(tensor, layout):
    """(o, c, h, w) from (h, w, c, o)."""
    return tensor.permute(3, 2, 0, 1).contiguous(memory_format=layout)


def _image_back(tensor):
    return _back(tensor.permute(0, 2, 3, 1))


def _filter_back(tensor):
    return _back(tensor.permute(2, 3, 1, 0))


def conv2d(t, parts, stride, pad):
    return {name: _conv2d(t, layout, parts, stride, pad) for name, layout in LAYOUTS.items()}


def _conv2d(t, layout, parts, stride, pad):
    x, w, dy = _image(t["x"], layout), _filter(t["w"], layout), _image(t["dy"], layout)
    kept = {}

    def forward():
        kept["y"] = F.conv2d(x, w, None, stride, pad)

    def backward(*wanted):
        dx, dw, _ = aten.convolution_backward(
            dy, x, w, None, [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], 1, [*wanted, False]
        )
        kept.update({name: value for name, value in (("dx", dx), ("dw", dw)) if value is not None})

    inputs = {"dx": x} if "input" in parts else {}
    inputs |= {"dw": w} if "filter" in parts else {}

    def step():
        y = F.conv2d(x, w, None, stride, pad)
        kept.update(zip(inputs, torch.autograd.grad(y, inputs.values(), dy), strict=True), y=y)

    if parts == ["forward"]:
        call = forward
    elif "forward" in parts:
        for tensor in inputs.values():
            tensor.requires_grad_()
        call = step
    else:
        call = lambda: backward("input" in parts, "filter" in parts)  # noqa: E731
    return call, lambda: {name: (_filter_back if name == "dw" else _image_back)(part) for name, part in kept.items()}


def conv2d_fused(t, pad, pooled):
    def way(layout):
        x, w, bias = _image(t["x"], layout), _filter(t["w"], layout), t["bias"]

        def call():
            y = F.relu(F.conv2d(x, w, bias, 1, pad))
            return F.max_pool2d(y, 2) if pooled else y

        return call, lambda: {"y": _image_back(call())}

    return {name: way(layout) for name, layout in LAYOUTS.items()}


def fused_step(t, pad, wanted):
    def way(layout):
        dy, bias = _image(t["dy"], layout), t["bias"].clone().requires_grad_()
        x, w = _image(t["x"], layout), _filter(t["w"], layout).requires_grad_()
        inputs = {"dbias": bias, "dw": w, **({"dx": x.requires_grad_()} if "dx" in wanted else {})}
        kept = {}

        def call():
            y = F.max_pool2d(F.relu(F.conv2d(x, w, bias, 1, pad)), 2)
            kept.update(zip(inputs, torch.autograd.grad(y, inputs.values(), dy), strict=True), y=y)

        backs = {"dw": _filter_back, "dbias": _back}
        return call, lambda: {name: backs.get(name, _image_back)(part) for name, part in kept.items()}

    return {name: way(layout) for name, layout in LAYOUTS.items()}


def bias_relu_pool_grad(t):
    """The ops that autograd runs backwards: pool, relu (where all winners were above zero), bias."""

    def way(layout):
        dy, z = _image(t["dy"], layout), torch.ones_like(_image(t["dz"], layout))
        places = _places(t["winner"], z, layout)
        kept = {}

        def call():
            dz = aten.max_pool2d_with_indices_backward(dy, z, *WINDOWS, [1, 1], False, places)
            kept["dz"] = aten.threshold_backward(dz, z, 0)
            kept["dbias"] = kept["dz"].sum((0, 2, 3))

        return call, lambda: {"dz": _image_back(kept["dz"]), "dbias": _back(kept["dbias"])}

    return {name: way(layout) for name, layout in LAYOUTS.items()}


def pooled_gradients(t, pad):
    """The ops that autograd runs backwards: pool, relu (where all winners were above zero), convolution and bias."""

    def way(layout):
        x, w, dy = _image(t["x"], layout), _filter(t["w"], layout), _image(t["dy"], layout)
        size = *dy.shape[:2], *[n + 2 * pad - w.shape[2] + 1 for n in x.shape[2:]]
        z = x.new_ones(size).contiguous(memory_format=layout)
        places, kept = _places(t["winner"], z, layout), {}

        def call():
            dz = aten.max_pool2d_with_indices_backward(dy, z, *WINDOWS, [1, 1], False, places)
            dz = aten.threshold_backward(dz, z, 0)
            geometry = [1, 1], [pad, pad], [1, 1], False, [0, 0], 1
            grads = aten.convolution_backward(dz, x, w, [w.shape[0]], *geometry, ["dx" in t, True, True])
            kept.update(zip(("dx", "dw", "dbias"), grads, strict=True))

        backs = {"dw": _filter_back, "dbias": _back}
        return call, lambda: {name: backs.get(name, _image_back)(kept[name]) for name in kept if name in t}

    return {name: way(layout) for name, layout in LAYOUTS.items()}


def depthwise(t, what, pad):
    channels = t["x"].shape[-1]

    def way(layout):
        x, dy, w = _image(t["x"], layout), _image(t["dy"], layout), _filter(t["w"].transpose(2, 3), layout)

        def forward():
            return F.conv2d(x, w, None, 1, pad, 1, channels)

        def backward():
            wanted = [what == "input", what == "filter", False]
            geometry = [1, 1], [pad, pad], [1, 1], False, [0, 0], channels
            return aten.convolution_backward(dy, x, w, None, *geometry, wanted)[0 if what == "input" else 1]

        if what == "forward":
            return forward, lambda: {"y": _image_back(forward())}
        if what == "input":
            return backward, lambda: {"dx": _image_back(backward())}
        return backward, lambda: {"dw": _filter_back(backward().transpose(0, 1))}

    return {name: way(layout) for name, layout in LAYOUTS.items()}


WINDOWS = [2, 2], [2, 2], [0, 0]


def max_pool2d(t):
    def way(layout):
        x, y = _image(t["x"], layout), _image(t["y"], layout)
        places = torch.zeros_like(y, dtype=torch.int64)
        call = functools.partial(aten.max_pool2d_with_indices.out, x, *WINDOWS, out=y, indices=places)
        return call, lambda: {"y": _image_back(y)}

    return {name: way(layout) for name, layout in LAYOUTS.items()}


def max_pool2d_grad(t):
    def way(layout):
        dy, dx = _image(t["dy"], layout), _image(t["dx"], layout)
        arguments = dy, dx, *WINDOWS, [1, 1], False, _places(t["winner"], dx, layout)
        call = functools.partial(aten.max_pool2d_with_indices_backward.grad_input, *arguments, grad_input=dx)
        return call, lambda: {"dx": _image_back(dx)}

    return {name: way(layout) for name, layout in LAYOUTS.items()}


def _places(winner, image, layout):
    """PyTorch's indices of maxima, within a channel of an image, from the places 0 to 3 within 2x2 windows."""
    rows, columns = (torch.arange(0, size, 2, device=image.device) for size in image.shape[2:])
    winner = winner.permute(0, 3, 1, 2).long()
    places = (rows[:, None] + winner // 2) * image.shape[3] + columns + winner % 2
    return places.contiguous(memory_format=layout)


def avg_pool2d(t):
    def way(layout):
        x, y = _image(t["x"], layout), _image(t["y"], layout)
        return functools.partial(aten.avg_pool2d.out, x, *WINDOWS, out=y), lambda: {"y": _image_back(y)}

    return {name: way(layout) for name, layout in LAYOUTS.items()}


def avg_pool2d_grad(t):
    def way(layout):
        dy, dx = _image(t["dy"], layout), _image(t["dx"], layout)
        arguments = dy, dx, *WINDOWS, False, True, None
        call = functools.partial(aten.avg_pool2d_backward.grad_input, *arguments, grad_input=dx)
        return call, lambda: {"dx": _image_back(dx)}

    return {name: way(layout) for name, layout in LAYOUTS.items()}


def sparse_softmax_cross_entropy(t):
    """Losses and their gradient, through autograd and by the functions that it calls."""
    x, labels, ones = t["x"].clone().requires_grad_(), t["labels"], torch.ones_like(t["loss"])

    def taped():
        loss = F.cross_entropy(x, labels, reduction="none")
        return loss.detach(), torch.autograd.grad(loss, x, ones)[0]

    def direct():
        logs = torch.log_softmax(t["x"], 1)
        loss, weight = aten.nll_loss_forward(logs, labels, None, 0, -100)
        grad = aten.nll_loss_backward(ones, logs, labels, None, 0, -100, weight)
        return loss, aten._log_softmax_backward_data(grad, logs, 1, torch.float32)

    def way(call):
        return call, lambda: dict(zip(("loss", "dx"), map(_back, call()), strict=True))

    return {"autograd": way(taped), "direct": way(direct)}


def batch_norm(t):
    def call():
        return torch.native_batch_norm(t["x"], t["gamma"], t["beta"], None, None, True, 0.0, 1e-3)

    return {"": (call, lambda: {"y": _back(call()[0])})}


def batch_norm_grad(t):
    rstd = (t["v"] + 1e-3).rsqrt()

    def call():
        saved = t["m"], rstd, True, 1e-3, [True, True, True]
        return torch.ops.aten.native_batch_norm_backward(t["dy"], t["x"], t["gamma"], None, None, *saved)

    return {"": (call, lambda: dict(zip(("dx", "dgamma", "dbeta"), map(_back, call()), strict=True)))}
