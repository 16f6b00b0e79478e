"""What a module answers for names that it does not have: a nearby name, or that the name has yet to come."""

import difflib
import importlib


def missing(module_name, names, later=(), lazy=None, instead=None):
    """A ``__getattr__`` for a module (PEP 562): ``__getattr__ = missing(__name__, globals(), later=("Lambda",))``.

    Args:
        module_name: str, as ``__name__`` has it.
        names: the module's names; ``globals()`` counts what is added later, too.
        later: public names of TensorFlow that are planned, but not there yet.
        instead: for names that will not come soon what to use in their place: dict from names to texts.
        lazy: dict from a name to the module it stands for, or ``module:attribute``, imported when it is asked for.

    Returns: function of a name that raises AttributeError, so that ``hasattr`` and ``from ... import`` work as ever.
    """
    later, lazy = frozenset(later), lazy or {}

    def no_such_name(name):
        if name in lazy:
            module, _, attribute = lazy[name].partition(":")
            found = importlib.import_module(module)
            return names.setdefault(name, getattr(found, attribute) if attribute else found)
        where = f"module {module_name!r}"
        if instead and name in instead:
            raise AttributeError(f"{where}: {name!r} is not in microdl: {instead[name]}")
        if name in later:
            raise AttributeError(f"{where}: {name!r} is not in microdl yet")
        public = [] if name.startswith("_") else [known for known in (*names, *lazy) if not known.startswith("_")]
        close = _closest(name, public)
        raise AttributeError(f"{where} has no attribute {name!r}" + (f"; did you mean {close!r}?" if close else ""))

    return no_such_name


def _closest(name, names):
    """The name that differs in case alone, else the most similar one, or None."""
    for known in names:
        if known.lower() == name.lower():
            return known
    return next(iter(difflib.get_close_matches(name, names, n=1)), None)
