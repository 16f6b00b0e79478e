"""What each CUDA kernel needs, found without a GPU: libNVVM compiles it to PTX, NVIDIA's ptxas to machine code.

    python -m microdl.kernels.cuda.resources            # a table of all kernels, for sm_90
    python -m microdl.kernels.cuda.resources sm_75 matmul

Registers limit how many threads a multiprocessor holds. What does not fit into them is spilled to memory, which must
not happen here. The widths of accesses and float64 instructions are counted in the PTX.
"""

import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from . import stored, target
from .launch import kernels

FAMILIES = sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - {"__init__", "resources"})


@dataclass(frozen=True)
class Resources:
    """What one thread of a kernel needs, or its block."""

    registers: int
    stack: int  # bytes
    spills: int  # bytes stored and loaded
    shared: int  # bytes of a block
    wide_loads: int  # accesses of 16 bytes in the PTX
    wide_stores: int
    float64: int  # instructions that compute with float64


def all_kernels():
    """Every kernel that a module here declares."""
    for family in FAMILIES:
        importlib.import_module(f".{family}", __package__)
    return [kernel for kernel in kernels if kernel.function.__module__.startswith(f"{__package__}.")]


def kernels_for(capability):
    """Those of them that GPUs of a compute capability can run."""
    return [kernel for kernel in all_kernels() if kernel.capability <= capability]


def find_ptxas():
    """Path of ptxas: that of the package nvidia-cuda-nvcc, of $CUDA_HOME, or on the PATH; None if there is none."""
    spec = find_spec("nvidia")
    places = [Path(folder, "cu13", "bin") for folder in (spec.submodule_search_locations or [])] if spec else []
    places += [Path(os.environ[name], "bin") for name in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(name)]
    return next(filter(None, (shutil.which("ptxas", path=place) for place in places)), None) or shutil.which("ptxas")


def missing():
    """Why resources cannot be told here, or None if they can."""
    if reason := target.missing_libnvvm():
        return reason
    return None if find_ptxas() else "no ptxas: python -m pip install 'nvidia-cuda-nvcc==13.0.*'"


def resources(kernel, capability=target.COMPUTE_CAPABILITY):
    """The Resources of a ``launch.Kernel`` on GPUs of a compute capability."""
    threads = kernel.threads[0] * kernel.threads[1] * kernel.threads[2]
    ptx = stored.ptx(kernel, threads, capability)
    with tempfile.TemporaryDirectory() as folder:
        source, binary = Path(folder, "kernel.ptx"), Path(folder, "kernel.cubin")
        source.write_text(ptx)
        command = [
            find_ptxas() or "ptxas",
            "-v",
            f"-arch=sm_{capability[0]}{capability[1]}",
            str(source),
            "-o",
            str(binary),
        ]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        raise RuntimeError(f"ptxas refuses {kernel.name}: {said.stderr}")
    return Resources(
        registers=_number(r"Used (\d+) registers", said.stderr),
        stack=_number(r"(\d+) bytes stack frame", said.stderr),
        spills=_number(r"(\d+) bytes spill stores", said.stderr) + _number(r"(\d+) bytes spill loads", said.stderr),
        shared=_number(r"(\d+) bytes smem", said.stderr) + kernel.shared,
        wide_loads=len(re.findall(r"\bld\.(?:global|shared)[.\w]*\.v4\.[fbu]32", ptx)),
        wide_stores=len(re.findall(r"\bst\.(?:global|shared)[.\w]*\.v4\.[fbu]32", ptx)),
        float64=len(re.findall(r"\b(?:add|sub|mul|fma|div|sqrt|neg|cvt|setp)[.\w]*\.f64", ptx)),
    )


def _number(pattern, text):
    found = re.search(pattern, text)
    return int(found.group(1)) if found else 0


def table(capability=target.COMPUTE_CAPABILITY, families=()):
    """The resources of all kernels, or of those of some families, as lines of text."""
    chosen = [k for k in kernels_for(capability) if not families or k.name.partition(".")[0] in families]
    heads = f"{'registers':>9} {'stack':>6} {'spills':>6} {'shared':>7} {'16-byte loads, stores':>22} {'float64':>8}"
    yield f"{'kernel':32} {heads}"
    for kernel in chosen:
        r = resources(kernel, capability)
        wide = f"{r.wide_loads}, {r.wide_stores}"
        yield f"{kernel.name:32} {r.registers:9} {r.stack:6} {r.spills:6} {r.shared:7} {wide:>22} {r.float64:8}"


def main(arguments):
    """Prints the table. arguments: sm_90 or the like, and names of families."""
    architecture = next((a for a in arguments if re.fullmatch(r"sm_\d{2,3}", a)), "sm_90")
    capability = int(architecture[3:-1]), int(architecture[-1])
    chosen = [a for a in arguments if a != architecture]
    families = sorted({kernel.name.partition(".")[0] for kernel in all_kernels()})
    if unknown := [a for a in chosen if a not in families]:
        expected = f"sm_90 or the like, and of {', '.join(families)}"
        raise SystemExit(f"microdl: {' '.join(unknown)}: no such kernels; arguments are {expected}")
    if reason := missing():
        raise SystemExit(f"microdl: {reason}")
    for line in table(capability, chosen):
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
