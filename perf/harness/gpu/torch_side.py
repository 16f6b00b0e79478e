"""PyTorch's side on a GPU (cuBLAS, cuDNN): rows are done as ``harness/torch_side.py`` says, on tensors there."""

import torch  # pyright: ignore[reportMissingImports]

from .. import torch_side
from ..case import Missing
from .clock import COPIED, EventClock, NoClock, is_emulated

MILLISECOND = 1e-3
DEVICE = "cpu" if is_emulated() else "cuda"  # beside an emulated GPU nothing is timed, so any device will do


def start(threads):
    return prepare_gpu()


def prepare_gpu():
    """PyTorch at its fastest with float32 as it is: cuDNN tries its algorithms and takes the best, and none rounds."""
    if DEVICE == "cuda" and not torch.cuda.is_available():
        raise Missing(f"PyTorch {torch.__version__} finds no GPU")
    torch.backends.cudnn.benchmark = True
    allow_tf32(False)
    cuda, cudnn = torch.version.cuda, torch.backends.cudnn.version()
    return {"PyTorch": torch.__version__, "its CUDA": cuda, "its cuDNN": cudnn}


def allow_tf32(allowed):
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cudnn.allow_tf32 = allowed


def make_clock():
    if is_emulated():
        return NoClock()

    def mark():
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def between(begun, done):
        done.synchronize()
        return begun.elapsed_time(done) * MILLISECOND

    source, target = (torch.empty(COPIED, dtype=torch.uint8, device=DEVICE) for _ in range(2))
    return EventClock(mark, between, lambda: target.copy_(source))


def variants(case, arrays):
    allow_tf32(case.tf32)
    return torch_side.variants(case, arrays, DEVICE)
