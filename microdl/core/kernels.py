"""The one door from the framework to the kernels, whose files are the top-level folder ``kernels/``.

pyproject.toml installs that folder as ``microdl.kernels``. In a checkout that is not installed it is the sibling of
this package, so the package's search path is widened by their common parent. A family of kernels (and Numba with the
first of them) is imported when the first op that needs it runs: importing microdl stays quick.
"""

import importlib
import sys
import time
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


if TYPE_CHECKING:
    from kernels import cpu as cpu
else:
    cpu = Kernels("cpu")
