"""What users are told about arguments that do not exist."""

import difflib
import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

Method = TypeVar("Method", bound=Callable[..., Any])

OTHER_NAMES = {"lr": "learning_rate", "input": "inputs", "batch": "batch_size"}  # too unlike for difflib


def refuse_unknown(caller, unknown, known):
    """Raises TypeError: which arguments are ``unknown``, and what each was probably meant to be.

    Args: caller: str, what was called. unknown: names of arguments. known: names of those that there are.
    """
    parts = []
    for key in unknown:
        other = OTHER_NAMES.get(key)
        close = [other] if other in known else difflib.get_close_matches(key, known, n=1)
        parts.append(f"{key!r} (did you mean {close[0]!r}?)" if close else repr(key))
    plural = "s" * (len(parts) > 1)
    raise TypeError(f"{caller}: unknown argument{plural} {', '.join(parts)}; it takes {', '.join(sorted(known))}")


def arguments_of(function):
    """Names of the arguments of ``function`` but ``self``."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}


def arguments_of_init(cls):
    """Names of the arguments of ``__init__`` in a class and its bases."""
    return set().union(*(arguments_of(base.__init__) for base in cls.__mro__[:-1]))


def explains_arguments(method: Method) -> Method:
    """Decorator: ``method`` says which arguments it does not know, and which were probably meant."""
    known = arguments_of(method)

    @functools.wraps(method)
    def explained(self, *args, **kwargs):
        if unknown := [key for key in kwargs if key not in known]:
            refuse_unknown(method.__name__, unknown, known)
        return method(self, *args, **kwargs)

    return cast(Method, explained)
