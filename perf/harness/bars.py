"""What the kernels should reach: goals for single rows, and how far they are met."""

from dataclasses import dataclass

from .case import OURS
from .contest import ratio
from .roofline import bandwidth

SLOWEST = "slowest of all "
LAYER_1, LAYER_2 = "64x28x28x1 5x5 16", "64x14x14x16 5x5 36"
VGG = "64x28x28x32 3x3 64"
STEP = "forward+input+filter"
BLAS, TORCH = ("numpy", "torch"), ("torch",)


@dataclass(frozen=True)
class Bar:
    """``row`` (or, after SLOWEST, all rows whose name starts so) at least ``goal`` times as fast as ``peers``.

    Without peers: at least ``goal`` of the speed of a loop that only moves the row's bytes.
    """

    row: str
    goal: float
    peers: tuple = ()


BARS = (
    *(Bar(f"matmul {shape}", 1.0, BLAS) for shape in ("64x1764x128", "256x1764x128")),
    *(Bar(f"matmul {n}x{n}x{n}", 1.0, BLAS) for n in (512, 1024, 2048)),
    Bar("matmul 12544x400x36", 1.3, BLAS),
    Bar(f"{SLOWEST}matmul ", 0.95, BLAS),
    Bar(f"conv2d forward {LAYER_2}", 2.2, TORCH),
    Bar(f"conv2d {STEP} {LAYER_2}", 2.0, TORCH),
    Bar(f"conv2d forward {LAYER_1}", 1.2, TORCH),
    Bar(f"conv2d forward+filter {LAYER_1}", 1.2, TORCH),
    Bar(f"conv2d_bias_relu_pool {LAYER_1}", 2.0, TORCH),
    Bar(f"conv2d_bias_relu_pool {LAYER_2}", 2.0, TORCH),
    Bar(f"conv2d forward {VGG}", 1.5, TORCH),
    Bar(f"conv2d {STEP} {VGG}", 1.5, TORCH),
    *(
        Bar(f"conv2d {what} {shape}", 1.0, TORCH)
        for shape in (f"{VGG} stride 2", "64x14x14x64 3x3 128 stride 2", "64x28x28x64 1x1 64", "64x14x14x256 1x1 64")
        for what in ("forward", STEP)
    ),
    *(
        Bar(row, goal, peers)
        for row in (
            "max_pool2d 16x112x112x64",
            "max_pool2d_grad 16x112x112x64",
            "relu 16Mi",
            "relu_grad 16Mi",
            "bias_add 262144x64",
            "sparse_softmax_cross_entropy 65536x256",
            "adam 16Mi",
        )
        for goal, peers in ((0.85, ()), (1.0, TORCH))
    ),
)

GPU_BARS = (
    Bar("matmul 4096x4096x4096", 0.8, TORCH),
    *(
        Bar(f"conv2d {what} 1024x{shape}", 1.0, TORCH)
        for shape in ("28x28x1 5x5 16", "14x14x16 5x5 36")
        for what in ("forward", "input", "filter")
    ),
    Bar("adam MNIST CNN", 1.0, TORCH),
    Bar("matmul 4096x4096x4096 tf32", 0.8, TORCH),  # PyTorch rounds too
)


def reached(bar, cases, rows, roofs):
    """(row, value) where ``bar`` stands: the value to compare with its goal, None if it was not measured."""
    if bar.row.startswith(SLOWEST):
        start = bar.row.removeprefix(SLOWEST)
        found = {name: ratio(figures, bar.peers) for name, figures in rows.items() if name.startswith(start)}
        found = {name: value for name, value in found.items() if value is not None}
        slowest = min(found, key=found.__getitem__, default="")
        return slowest, found.get(slowest)
    figures = rows.get(bar.row, {})
    if bar.peers:
        return bar.row, ratio(figures, bar.peers)
    if "min" not in figures.get(OURS, {}) or roofs is None:
        return bar.row, None
    case = cases[bar.row]
    return bar.row, case.bytes / figures[OURS]["min"] / bandwidth(case, roofs, figures)
