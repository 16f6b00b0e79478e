"""Small objects that a layer may be given by name: looked up, made from a configuration, and turned into one."""

import difflib
from typing import Any


class Configured:
    """Base of objects that are known by the arguments of their ``__init__``."""

    def get_config(self):
        """The arguments of ``__init__`` as plain values."""
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def look_up(kind, identifier, by_name) -> Any:
    """What ``identifier`` means among ``by_name``: an object, or None.

    Args:
        kind: "regularizer", say, for messages. by_name: dict from names to classes.
        identifier: name; dict with "class_name" and "config"; class, which is called; any other callable, or None.

    Raises: ValueError for an unknown name, TypeError for what is none of these.
    """
    if identifier is None or (callable(identifier) and not isinstance(identifier, type)):
        return identifier
    if isinstance(identifier, type):
        return identifier()
    if isinstance(identifier, str):
        return _named(kind, identifier, by_name)()
    if isinstance(identifier, dict):
        return _named(kind, identifier["class_name"], by_name).from_config(identifier.get("config", {}))
    raise TypeError(f"a {kind} is given by name, as a function or as an object, got {identifier!r}")


def _named(kind, name, by_name):
    if name not in by_name:
        near = difflib.get_close_matches(name, by_name, n=3) or sorted(by_name)
        raise ValueError(f"there is no {kind} {name!r}; did you mean {', '.join(near)}?")
    return by_name[name]


def serialize(value):
    """``{"class_name": ..., "config": ...}``; None and plain functions, which only memory can hold, as they are."""
    if not hasattr(value, "get_config"):
        return value
    return {"class_name": type(value).__name__, "config": value.get_config()}
