"""PyTorch, eager and through ``torch.compile``, each in both memory layouts of images."""

import functools

import torch  # pyright: ignore[reportMissingImports]
import torch.nn.functional as F  # pyright: ignore[reportMissingImports]
from torch import nn  # pyright: ignore[reportMissingImports]

from .networks import Conv, Dense, Dropout, Flatten, Pool, Relu, with_inputs
from .step import Step

LAYOUTS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


def start(threads):
    torch.set_num_threads(threads)
    return {"PyTorch": torch.__version__}


def ways(row, how):
    return {name: functools.partial(_build, row, how, layout) for name, layout in layouts(row).items()}


def layouts(row):
    """Name -> memory format; matrices have one."""
    return LAYOUTS if any(isinstance(layer, Conv) for layer in row.layers) else {"": torch.contiguous_format}


def _build(row, how, layout, rate):
    """The Step of ``row``."""
    model, x, y = parts(row, layout)
    optimizer = torch.optim.Adam(model.parameters(), rate, fused=True)
    run = model
    if how == "compile":
        torch.compiler.reset()  # or it takes the batch of another row for a size that varies
        run = torch.compile(model)

    def train():
        optimizer.zero_grad()
        loss = F.cross_entropy(run(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    @torch.inference_mode()
    def infer():
        return run(x)

    return Step(train if row.training else infer, shapes(model))


def shapes(model):
    return [tuple(weight.shape) for weight in model.parameters()]


def parts(row, layout, device="cpu"):
    """The model, the images (N, C, H, W) and the labels of ``row``."""
    model = nn.Sequential(*(part for layer, shape in with_inputs(row.layers) for part in _modules(layer, shape)))
    model.to(device, memory_format=layout).train(row.training)
    images, labels = (torch.from_numpy(array).to(device) for array in row.data())
    return model, images.permute(0, 3, 1, 2).contiguous(memory_format=layout), labels.long()


def _modules(layer, shape):
    """``shape``: of the input, (height, width, channels) or (elements,)."""
    match layer:
        case Conv():
            yield nn.Conv2d(shape[-1], layer.filters, layer.size, padding=layer.padding)
        case Dense():
            yield nn.Linear(shape[0], layer.units)
        case Pool():
            yield nn.MaxPool2d(2)
        case Relu():
            yield nn.ReLU()
        case Dropout():
            yield nn.Dropout(layer.rate)
        case Flatten():
            yield nn.Flatten()
    if isinstance(layer, (Conv, Dense)) and layer.relu:
        yield nn.ReLU()
