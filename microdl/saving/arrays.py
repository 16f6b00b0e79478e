"""Named arrays in one file, in the format that the file's ending names; each array with a checksum of its own."""

from pathlib import Path

import numpy as np

from microdl.saving import npz, safetensors

FORMATS = {".npz": npz, ".safetensors": safetensors}


def checked_path(caller, path, endings=tuple(FORMATS)):
    """``path`` as a Path. Raises ValueError unless it ends in one of ``endings``."""
    path = Path(path).expanduser()
    if not path.name.endswith(tuple(endings)):
        *others, last = endings
        wanted = f"{', '.join(others)} or {last}" if others else last
        raise ValueError(
            f"{caller}: a file name that ends in {wanted} is needed (weights{last}, say), got {str(path)!r}"
        )
    return path


def write_arrays(path, arrays, metadata=None):
    """Writes named arrays to ``path``, whole or not at all.

    Args:
        path: Path that ends in ``.npz`` or ``.safetensors``. arrays: dict from str to array.
        metadata: dict from str to str, kept with them.

    Raises: OSError if the folder does not exist or cannot be written to; an old file is then untouched.
    """
    FORMATS[path.suffix].write(path, {name: _native(array) for name, array in arrays.items()}, metadata or {})


def read_arrays(path, caller="read_arrays"):
    """(arrays, metadata) in ``path``, as ``write_arrays`` wrote them, or another program that writes .safetensors.

    Args: caller: str, for messages.

    Raises:
        FileNotFoundError: if there is no such file. DataLossError: (a ValueError) if it is damaged or something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{caller}: there is no file {path}")
    if FORMATS[path.suffix] is safetensors:
        return safetensors.read(path, caller, foreign=True)
    return npz.read(path, caller)


def _native(array):
    """An array in this machine's order of bytes."""
    array = np.asarray(array)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
