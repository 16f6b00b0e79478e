"""Parts of variables can be assigned, ``v[1:].assign(x)``: a table has those that live, and how."""

import weakref

_parts = {}  # uid of a Tensor -> (its ``assign``, weak reference to the Tensor that takes the entry out again)


def remember(part, assign):
    """Gives the Tensor ``part`` of a variable a method ``assign``."""
    uid = part.uid
    _parts[uid] = assign, weakref.ref(part, lambda _: _parts.pop(uid, None))


def assign_of(tensor):
    """The method ``assign`` of a part of a variable; None if ``tensor`` is none."""
    found = _parts.get(getattr(tensor, "uid", None)) if _parts else None
    return None if found is None else found[0]
