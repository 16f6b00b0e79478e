"""The one door from the framework to the kernels, whose files are the top-level folder ``kernels/``.

pyproject.toml installs that folder as ``microdl.kernels``. In a checkout that is not installed it is the sibling of
this package, so the package's search path is widened by their common parent. A family of kernels (and Numba with the
first of them) is imported when the first op that needs it runs: importing microdl stays quick.
"""

import importlib
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

_PACKAGE = Path(__file__).parents[1]
if not (_PACKAGE / "kernels").is_dir():
    sys.modules["microdl"].__path__.append(str(_PACKAGE.parent))

imports: list[tuple[str, float]] = []  # (module, seconds) of the families that this process needed; for profiles


class Kernels:
    """The kernel families of one device: ``kernels.activation.relu(x, y)``."""

    def __init__(self, device):
        self._device = device

    def __getattr__(self, family):
        if family.startswith("__"):
            raise AttributeError(family)
        start = time.perf_counter()
        module = importlib.import_module(f"microdl.kernels.{self._device}.{family}")
        imports.append((f"kernels.{self._device}.{family}", time.perf_counter() - start))
        setattr(self, family, module)  # the next access does not come here
        return module


def support(name):
    """``kernels/jit.py`` or ``kernels/threads.py``, which all families lean on (imports Numba)."""
    return importlib.import_module(f"microdl.kernels.{name}")


def launcher(run, inputs, outputs):
    """Runs ``run(*inputs, *outputs)``; returns (*inputs) -> new outputs, which does without the Python in it, or None.

    ``run`` depends on shapes and dtypes alone: see ``kernels/binding.py``.
    """
    if support("jit").config.DISABLE_JIT:
        run(*inputs, *outputs)
        return None
    return support("binding").bound(run, inputs, outputs)


def settled(function, *args, **kwargs):
    """Runs a function that calls kernels; returns a function that makes the same calls again, on the same arrays.

    What Python works out on the way is kept, so it must depend on shapes alone: see ``kernels/recording.py``.
    """
    if support("jit").config.DISABLE_JIT:  # kernels are plain functions, which nothing listens to
        function(*args, **kwargs)
        return partial(function, *args, **kwargs)
    calls = support("recording").recorded(function, *args, **kwargs)
    if len(calls) == 1:
        return calls[0]

    def again():
        for call in calls:
            call()

    return again


if TYPE_CHECKING:
    from kernels import cpu as cpu
else:
    cpu = Kernels("cpu")
