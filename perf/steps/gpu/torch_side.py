"""PyTorch on a GPU: eager, through ``torch.compile`` that makes CUDA graphs, and the whole step as one CUDA graph."""

import functools

import torch  # pyright: ignore[reportMissingImports]
import torch.nn.functional as F  # pyright: ignore[reportMissingImports]
from harness.gpu.clock import NoClock, WaitingClock, is_emulated
from harness.gpu.torch_side import DEVICE, prepare_gpu

from ..step import Step
from ..torch_side import layouts, parts, shapes


def start(threads):
    return prepare_gpu()


def wait():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def make_clock():
    return NoClock() if is_emulated() else WaitingClock(wait)


def ways(row, how):
    return {name: functools.partial(_build, row, how, layout) for name, layout in layouts(row).items()}


def _build(row, how, layout, rate):
    """The Step of ``row``."""
    model, x, y = parts(row, layout, DEVICE)
    optimizer = torch.optim.Adam(model.parameters(), rate, fused=True, capturable=how == "graph")

    def losses():
        return F.cross_entropy(model(x), y)

    forward = losses if row.training else functools.partial(model, x)
    if how == "compile":
        torch.compiler.reset()  # or it takes the batch of another row for a size that varies
        for data in (x, y):  # which its CUDA graphs then read where they lie, without a copy before each step
            torch._dynamo.mark_static_address(data)
        forward = torch.compile(forward, mode="reduce-overhead")

    def train():
        optimizer.zero_grad()
        loss = forward()
        loss.backward()
        optimizer.step()
        return loss.detach()

    if row.training:
        return Step(_captured(train) if how == "graph" else train, shapes(model))
    with torch.inference_mode():
        run = _captured(forward) if how == "graph" else forward

    @torch.inference_mode()
    def infer():
        return run().cpu()

    return Step(infer, shapes(model))


def _captured(call):
    """``call`` as one CUDA graph, after a few runs on a stream of their own, as PyTorch's manual has it."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = call()

    def replay():
        graph.replay()
        return result

    return replay
