"""Remembers tables of offsets, which depend on shapes alone, up to a fixed number of bytes."""

import functools
import threading
from collections import OrderedDict

import numpy as np


def remembered(limit):
    """Decorates a function of hashable arguments whose result is a tuple, with arrays in it that nobody changes.

    Results used least recently are forgotten as soon as the arrays of all together exceed ``limit`` bytes; a result
    that does so by itself is worked out anew each time.
    """

    def decorate(function):
        kept, lock, held = OrderedDict(), threading.Lock(), 0

        @functools.wraps(function)
        def recall(*key):
            nonlocal held
            with lock:
                if key in kept:
                    kept.move_to_end(key)
                    return kept[key]
            result = function(*key)
            with lock:
                if key not in kept and _bytes(result) <= limit:
                    kept[key] = result
                    held += _bytes(result)
                while held > limit:
                    held -= _bytes(kept.popitem(last=False)[1])
            return result

        return recall

    return decorate


def _bytes(result):
    return 256 + sum(part.nbytes for part in result if isinstance(part, np.ndarray))  # with what holds the arrays
