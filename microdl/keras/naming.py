"""Names of layers, models, metrics and optimizers, made from their class where the user gives none."""

import re
from collections import Counter

from microdl.core.locks import new_lock

_lock = new_lock()
_used = Counter()


def snake_case(name):
    """``MaxPooling2D`` -> ``max_pooling2d``, ``ReLU`` -> ``re_lu``: Keras's rule."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def camel_case(name):
    """``get_item`` -> ``GetItem``; the other way."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def unique_name(class_name):
    """``dense``, then ``dense_1``, ``dense_2``, ..."""
    base = snake_case(class_name)
    with _lock:
        count = _used[base]
        _used[base] += 1
    return f"{base}_{count}" if count else base


def reset_names():
    """Counts from the start again, for ``keras.backend.clear_session``."""
    with _lock:
        _used.clear()
