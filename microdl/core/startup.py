"""What happens once in a process and takes time: imports of kernels, traces of functions. Profiles set it apart."""

import time
from typing import NamedTuple


class Event(NamedTuple):
    """``kind``: "import" or "trace". start, seconds: of ``time.perf_counter``."""

    kind: str
    name: str
    start: float
    seconds: float


events: list[Event] = []


def note(kind, name, start):
    """Files what began at ``start`` and ends now."""
    events.append(Event(kind, name, start, time.perf_counter() - start))
