"""The machine: its processor, cores and caches."""

import os
import platform
import re
import sys
from functools import cache
from pathlib import Path

try:
    import resource
except ImportError:  # not on every system
    resource = None

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
USUAL = {1: 32 << 10, 2: 1 << 20, 3: 32 << 20}  # bytes, where the system does not tell


def cores():
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def caches():
    """Level -> (bytes, cores that share it)."""
    found = {}
    for index in sorted(CACHES.glob("index*")):
        try:
            kind, level = (index / "type").read_text().strip(), int((index / "level").read_text())
            ((amount, unit),) = re.findall(r"^(\d+)([KMG]?)$", (index / "size").read_text().strip())
            sharing = bin(int((index / "shared_cpu_map").read_text().strip().replace(",", ""), 16)).count("1")
        except (OSError, ValueError):
            continue
        if kind != "Instruction":
            found[level] = int(amount) << {"": 0, "K": 10, "M": 20, "G": 30}[unit], sharing
    return found or {level: (size, 1 if level < 3 else cores()) for level, size in USUAL.items()}


def last_level_cache():
    """Bytes of the largest cache."""
    return max(size for size, _ in caches().values())


def processor():
    """The processor's name."""
    try:
        names = re.findall(r"^(?:model name|Model)\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def described(about):
    """In words, what was measured on."""
    if "gpu" in about:
        return f"{about['gpu']} (with {about['processor']})"
    return f"{about['processor']}, {about['threads']} threads"


def refuse_emulated_gpu(chosen):
    """Ends the program if it would time a GPU that the CPU emulates."""
    if chosen.device == "gpu" and os.environ.get("MICRODL_GPU") == "emulate" and not chosen.dry_run:
        sys.exit("MICRODL_GPU=emulate: how long an emulated GPU takes says nothing about a real one; unset it")


def busy_seconds():
    """Seconds that all cores together have worked for anyone since the start, or were taken away by the host.

    None where the system does not tell.
    """
    try:
        first = Path("/proc/stat").read_text().splitlines()[0].split()
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq, steal = (int(ticks) for ticks in first[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def peak_bytes():
    """The most memory that this process has had at once; None where the system does not tell."""
    if resource is None:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
