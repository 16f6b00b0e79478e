"""The networks, the data, and the rows of the table. Every framework builds from these descriptions."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

IMAGE: tuple[int, ...] = (28, 28, 1)
CLASSES = 10
BATCHES = (1, 16, 64, 256, 1024)
MODES = ("train", "infer")
ON_GPU = (("train", 64), ("train", 256), ("train", 1024), ("infer", 1))  # what is measured there


@dataclass(frozen=True)
class Conv:
    """size x size, stride 1, with bias."""

    filters: int
    size: int
    padding: str
    relu: bool


@dataclass(frozen=True)
class Pool:
    """The maximum of 2x2; an odd last row or column is left out."""


@dataclass(frozen=True)
class Relu:
    pass


@dataclass(frozen=True)
class Flatten:
    pass


@dataclass(frozen=True)
class Dense:
    """With bias."""

    units: int
    relu: bool = True


@dataclass(frozen=True)
class Dropout:
    rate: float


NETWORKS = {
    # examples/mnist_cnn.py
    "cnn5": (
        Conv(16, 5, "same", relu=False),
        Pool(),
        Relu(),
        Conv(36, 5, "same", relu=False),
        Pool(),
        Relu(),
        Flatten(),
        Dense(128),
        Dense(CLASSES, relu=False),
    ),
    # The usual first network of Keras.
    "cnn3": (
        Conv(32, 3, "valid", relu=True),
        Pool(),
        Conv(64, 3, "valid", relu=True),
        Pool(),
        Flatten(),
        Dense(128),
        Dropout(0.5),
        Dense(CLASSES, relu=False),
    ),
    "mlp": (Flatten(), Dense(512), Dense(512), Dense(CLASSES, relu=False)),
}


def with_inputs(network):
    """(layer, shape of its input without the batch) of each layer."""
    shape = IMAGE
    for layer in network:
        yield layer, shape
        shape = _output(layer, shape)


def _output(layer, shape):
    match layer:
        case Conv():
            lost = layer.size - 1 if layer.padding == "valid" else 0
            return shape[0] - lost, shape[1] - lost, layer.filters
        case Pool():
            return shape[0] // 2, shape[1] // 2, shape[2]
        case Flatten():
            return (math.prod(shape),)
        case Dense():
            return (layer.units,)
    return shape


def weight_shapes(network):
    """(kernel, bias) of each layer that has them: (size, size, inputs, outputs) or (inputs, outputs); (outputs,)."""
    for layer, shape in with_inputs(network):
        match layer:
            case Conv():
                yield (layer.size, layer.size, shape[-1], layer.filters), (layer.filters,)
            case Dense():
                yield (shape[0], layer.units), (layer.units,)


def weight_sizes(network):
    """Numbers of elements of all weights, sorted: what a framework's network must have too."""
    return sorted(math.prod(shape) for pair in weight_shapes(network) for shape in pair)


@dataclass(frozen=True)
class Row:
    """A network at a batch size. mode: "train" is forward, backward and Adam; "infer" is forward."""

    network: str
    mode: str
    batch: int

    @property
    def name(self):
        return f"{self.network} {self.mode} {self.batch}"

    @property
    def layers(self):
        return NETWORKS[self.network]

    @property
    def training(self):
        return self.mode == "train"

    @property
    def parameters(self):
        return sum(weight_sizes(self.layers))

    def data(self):
        """Images (batch, 28, 28, 1), float32 in [0, 1): noise in a pattern for each class. Labels (batch,), int32."""
        generator = np.random.default_rng(0)
        patterns = generator.integers(0, 2, (CLASSES, 4, 4, 1)).astype(np.float32)
        patterns = patterns.repeat(7, 1).repeat(7, 2)  # (10, 28, 28, 1), of 4 x 4 squares
        labels = generator.integers(0, CLASSES, self.batch, np.int32)
        return patterns[labels] * generator.random((self.batch, *IMAGE), np.float32), labels


@cache
def rows(device="cpu"):
    """Name -> Row, in the order of printing."""
    if device == "gpu":
        return {name: row for name, row in rows().items() if (row.mode, row.batch) in ON_GPU}
    found = [Row(network, mode, batch) for network in NETWORKS for mode in MODES for batch in BATCHES]
    return {row.name: row for row in found}
