"""PyTorch's side (oneDNN, MKL). Functions are named as ``Case.peer``; each gives the ways to do the case's work.

A way is a name (of the memory layout, where there is a choice) with a call and a function that gives its results as
NumPy arrays of the table's layout. Outputs are preallocated wherever PyTorch can write into them.
"""

import sys

import torch
import torch.nn.functional as F

from .expression import ways

aten = torch.ops.aten
LAYOUTS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


def start(threads):
    torch.set_num_threads(threads)
    return {"PyTorch": torch.__version__}


def variants(case, arrays):
    tensors = {name: torch.from_numpy(array).clone() for name, array in arrays.items()}
    names = {"torch": torch, "aten": aten, "F": F}
    return ways(sys.modules[__name__], case, tensors, names, lambda tensor: tensor.detach().numpy())


def matmul(t, transpose_a, transpose_b):
    a, b, c = t["a"][0], t["b"][0], t["c"][0]
    a, b = a.T if transpose_a else a, b.T if transpose_b else b
    return {"": (lambda: torch.mm(a, b, out=c), lambda: {"c": c.numpy()})}


def _image(tensor, layout):
    """A tensor of shape (n, c, h, w), in ``layout``, from an array of shape (n, h, w, c)."""
    return tensor.permute(0, 3, 1, 2).contiguous(memory_format=layout)


def _filter(tensor, layout):
    """(o, c, h, w) from (h, w, c, o)."""
    return tensor.permute(3, 2, 0, 1).contiguous(memory_format=layout)


_BACK = {"w": (2, 3, 1, 0), "dw": (2, 3, 1, 0)}  # from PyTorch's axes to the table's


def _results(kept):
    """The tensors of ``kept`` in the table's layout."""
    return {name: tensor.detach().permute(_BACK.get(name, (0, 2, 3, 1))).numpy() for name, tensor in kept.items()}


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
        kept.update(zip(inputs, torch.autograd.grad(y, inputs.values(), dy)), y=y)

    if parts == ["forward"]:
        call = forward
    elif "forward" in parts:
        for tensor in inputs.values():
            tensor.requires_grad_()
        call = step
    else:
        call = lambda: backward("input" in parts, "filter" in parts)  # noqa: E731
    return call, lambda: _results(kept)
