"""Where a variable stands in a model: the name under which it is stored, the same in every process.

A layer's own name (``dense_3``) is numbered anew in every process, so variables are named by the attributes and
positions that lead to them: ``layers/0/kernel``, ``encoder/dense/bias``.
"""

from collections import Counter

import numpy as np

from microdl.core.context import warn
from microdl.keras.layers.nested import UNORDERED

_CONVERTIBLE = ("bb", "cc", "ff", "ii", "iu", "ui", "uu")  # kinds of NumPy dtypes, from and to


def named_weights(caller, model):
    """Every weight by its place: the attributes and positions that lead to its layer, then its own name.

    Attributes lose the underscores in front, unless two layers would then have one place.

    Returns: dict from names to Variables. Raises: ValueError if a weight has no place that would be the same in another
    process. caller: str, for messages.
    """
    named, seen = {}, set()
    for place, path, layer, variables in _placed_layers(model):
        if variables and UNORDERED in path:  # layers only: Variables are not hashable
            raise ValueError(
                f"{caller}: model {model.name!r} keeps layer {layer.name!r} in a set, where it has no place that is "
                "the same in every process; keep it in a list or a dict"
            )
        for variable in variables:
            if id(variable) not in seen:
                seen.add(id(variable))
                named[_unused(place + variable.name.partition(":")[0].rpartition("/")[2], named)] = variable
    if [id(variable) for variable in named.values()] != [id(variable) for variable in model.weights]:
        raise ValueError(
            f"{caller}: model {model.name!r} says that it has {len(model.weights)} weights, but {len(named)} are "
            "found in its attributes; only those have a place in a file"
        )
    return named


def named_layers(model):
    """Every layer in a model by its place (``encoder/dense``), outer ones first; the model itself is at ``""``."""
    return {place.removesuffix("/"): layer for place, path, layer, _ in _placed_layers(model) if UNORDERED not in path}


def fill(caller, path, model, stored, skip_mismatch=False):
    """Assigns stored arrays to a model's weights; nothing changes unless all fit.

    Args:
        caller, path: for messages. stored: dict from names, as ``named_weights`` gives them, to arrays.
        skip_mismatch: bool, whether to warn of what is missing or does not fit and leave that as it is.

    Raises: ValueError that names the file and the variable.
    """
    own, fitting, misfits = named_weights(caller, model), {}, []
    for name, variable in own.items():
        if name in stored:
            try:
                fitting[name] = fitted(f"{caller}: {path}", name, stored[name], variable, f"in model {model.name!r} ")
            except ValueError as error:
                misfits.append(str(error))
    missing, unknown = [n for n in own if n not in stored], [n for n in stored if n not in own]
    if missing or unknown:
        misfits.insert(
            0,
            f"{caller}: {path} holds {len(stored)} variables, model {model.name!r} has {len(own)}"
            + _listed("; the file lacks", missing)
            + _listed("; the model lacks", unknown),
        )
    if misfits and not skip_mismatch:
        raise ValueError(misfits[0])
    if misfits:
        warn("\n".join(f"{misfit}; left as it is" for misfit in misfits))
    for name, array in fitting.items():
        own[name].assign(array)


def fitted(where, name, array, variable, owner=""):
    """``array`` in the variable's dtype; floats may be rounded. Raises ValueError if shape or values do not fit."""
    if array.shape != tuple(variable.shape):
        raise ValueError(
            f"{where}: variable {name!r} has shape {array.shape}, {owner}({variable.name}) it has shape "
            f"{tuple(variable.shape)}"
        )
    dtype = np.dtype(variable.dtype.as_numpy_dtype)
    if array.dtype.kind + dtype.kind not in _CONVERTIBLE:
        misfit = f"values of dtype {array.dtype}"
    else:
        with np.errstate(over="ignore"):
            cast = array.astype(dtype)
        fits = cast == array if dtype.kind in "iu" else np.isfinite(cast) == np.isfinite(array)
        if np.all(fits):
            return cast
        misfit = f"the value {array[~fits][0]}"
    raise ValueError(
        f"{where}: variable {name!r} holds {misfit}, which {variable.name} of dtype {variable.dtype.name} cannot take"
    )


def _placed_layers(model):
    """(place, path, layer, its own Variables) for a model and each layer in it."""
    tree = list(model._tree())
    counts = Counter(_place(path, "_") for path, _, _ in tree)
    for path, layer, variables in tree:
        place = _place(path, "_")
        yield place if counts[place] == 1 else _place(path), path, layer, variables


def _place(path, stripped=""):
    return "".join(f"{str(part).lstrip(stripped) or part}/" for part in path)


def _unused(name, found):
    number = 1
    candidate = name
    while candidate in found:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def _listed(heading, names, most=5):
    if not names:
        return ""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{heading} {', '.join(map(repr, names[:most]))}{more}"
