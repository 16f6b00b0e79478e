"""Weights on disk: one ``.npz`` file, written completely or not at all, checked when it is read, and free of pickle.

The file holds an array for each variable, named by its place in the model (``layers/0/kernel``,
``encoder/dense/bias``), not by the layer's own name, which is numbered anew in every process; and ``__checksum__``, the
SHA-256 of all names, dtypes, shapes and values. NumPy alone can read it: ``numpy.load(path)["layers/0/kernel"]``.
"""

import hashlib
import os
import secrets
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

from microdl.core.errors import DataLossError
from microdl.keras.layers.nested import UNORDERED

ENDING = ".npz"
CHECKSUM = "__checksum__"
_CONVERTIBLE = ("bb", "cc", "ff", "ii", "iu", "ui", "uu")  # kinds of NumPy dtypes, from and to


def save_weights(model, path, overwrite=True):
    """Writes a model's weights. Arguments and errors: see ``Model.save_weights``."""
    path = _checked_path("save_weights", path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"save_weights: {path} exists already, and overwrite is False")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"save_weights: {path}: there is no folder {path.parent}; make it first")
    write_arrays(path, {name: variable.numpy() for name, variable in _weights_of("save_weights", model).items()})


def load_weights(model, path):
    """Reads a model's weights; nothing changes unless all fit. Arguments and errors: see ``Model.load_weights``."""
    path = _checked_path("load_weights", path)
    own = _weights_of("load_weights", model)
    stored = read_arrays(path)
    missing, unknown = [n for n in own if n not in stored], [n for n in stored if n not in own]
    if missing or unknown:
        raise ValueError(
            f"load_weights: {path} holds {len(stored)} variables, model {model.name!r} has {len(own)}"
            + _listed("; the file lacks", missing)
            + _listed("; the model lacks", unknown)
        )
    for name, variable in own.items():
        if stored[name].shape != tuple(variable.shape):
            raise ValueError(
                f"load_weights: {path}: variable {name!r} has shape {stored[name].shape}, "
                f"in model {model.name!r} ({variable.name}) it has shape {tuple(variable.shape)}"
            )
        stored[name] = _cast(path, name, stored[name], variable)
    for name, variable in own.items():
        variable.assign(stored[name])


def write_arrays(path, arrays):
    """Writes named arrays to ``path``: under another name first, so that a reader never sees half a file.

    Args: path: Path. arrays: dict from str to array.
    Raises: OSError if the folder does not exist or cannot be written to; an old file is then untouched.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            with zipfile.ZipFile(file, "w") as archive:
                for name, array in {**arrays, CHECKSUM: _checksum(arrays)}.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_arrays(path):
    """The named arrays in ``path``, as ``write_arrays`` wrote them.

    Raises: FileNotFoundError if there is no such file. DataLossError (a ValueError) if it is damaged or something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"load_weights: there is no file {path}")
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except ValueError:  # NumPy takes it for a pickle, and advises to load that
        raise DataLossError(f"load_weights: {path} is damaged or no {ENDING} file") from None
    except Exception as error:  # zip, zlib, header and key errors: np.load has no one error for a damaged file
        raise DataLossError(f"load_weights: {path} is damaged or no {ENDING} file: {error}") from error
    expected = arrays.pop(CHECKSUM, None)
    if expected is None:
        raise DataLossError(f"load_weights: {path} has no {CHECKSUM}: it was not written by save_weights")
    if not np.array_equal(expected, _checksum(arrays)):
        raise DataLossError(f"load_weights: {path} is damaged: its contents do not have the checksum stored with them")
    return arrays


def named_weights(caller, model):
    """Every weight by its place: the attributes and positions that lead to its layer, then its own name.

    Attributes lose the underscores in front, unless two layers would then have one place.

    Raises: ValueError if a weight has no place that would be the same in another process.
    """
    tree = list(model._tree())
    counts = Counter(_place(path, "_") for path, _, _ in tree)
    named, seen = {}, set()
    for path, layer, variables in tree:
        if variables and UNORDERED in path:  # layers only: Variables are not hashable
            raise ValueError(
                f"{caller}: model {model.name!r} keeps layer {layer.name!r} in a set, where it has no place that is "
                "the same in every process; keep it in a list or a dict"
            )
        place = _place(path, "_")
        place = place if counts[place] == 1 else _place(path)
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


def _place(path, stripped=""):
    return "".join(f"{str(part).lstrip(stripped) or part}/" for part in path)


def _unused(name, found):
    number = 1
    candidate = name
    while candidate in found:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def _weights_of(caller, model):
    weights = named_weights(caller, model)
    if not weights:
        raise ValueError(f"{caller}: model {model.name!r} has no weights yet: call it or build(input_shape) first")
    return weights


def _checked_path(caller, path):
    path = Path(path).expanduser()
    if path.suffix != ENDING:
        raise ValueError(f"{caller}: a file name that ends in {ENDING} is needed (weights.npz, say), got {str(path)!r}")
    return path


def _checksum(arrays):
    """SHA-256 of names, dtypes, shapes and values: uint8, (32,)."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}\0{array.dtype.str}\0{arrays[name].shape}\0".encode())
        digest.update(array.tobytes())
    return np.frombuffer(digest.digest(), np.uint8)


def _cast(path, name, array, variable):
    """``array`` in the variable's dtype; floats may be rounded. Raises ValueError if it does not fit."""
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
        f"load_weights: {path}: variable {name!r} holds {misfit}, which {variable.name} of dtype {variable.dtype.name} "
        "cannot take"
    )


def _listed(heading, names, most=5):
    if not names:
        return ""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{heading} {', '.join(map(repr, names[:most]))}{more}"
