"""Where data sets lie on this machine: nothing is ever downloaded.

They are looked for in the folder that ``MICRODL_DATA_DIR`` names, then where Keras keeps its own: ``datasets`` in the
folder that ``KERAS_HOME`` names, by default ``~/.keras``. So what Keras once downloaded is found as it is.
"""

import io
import os
import zipfile
from pathlib import Path

import numpy as np

from microdl.keras.datasets import pickles


def folders():
    """The folders in which data sets are looked for, in turn."""
    own = os.environ.get("MICRODL_DATA_DIR")
    keras = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets"
    return [*([Path(own).expanduser()] if own else []), keras]


def find(caller, names, source):
    """The first of several files or folders that is there.

    Args:
        caller: str, for messages. names: paths relative to `folders`, or absolute ones. source: str, where to get it.
    Raises: FileNotFoundError that says which file belongs where.
    """
    for folder in folders():
        for name in names:
            if (folder / name).exists():
                return folder / name
    where = " or ".join(str(folder / names[0]) for folder in folders())
    others = f" (as good: {', '.join(map(str, names[1:]))})" if names[1:] else ""
    raise FileNotFoundError(
        f"{caller}: found no {names[0]}{others}, and microdl never downloads data. Get it from {source} and put it at "
        f"{where}; MICRODL_DATA_DIR can name another folder"
    )


def load_npz(caller, path, names):
    """Arrays of an ``.npz`` file by name; those of Python lists are unpickled, and may hold nothing but data.

    Raises: ValueError if the file is damaged, lacks an array or holds other objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [_array(archive.read(f"{name}.npy")) for name in names]
    except Exception as error:  # zip, zlib, header, pickle and key errors: there is no one error for a damaged file
        raise ValueError(f"{caller}: expected {path} to be an .npz file with {', '.join(names)}: {error}") from error


def _array(content):
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(stream)
    if not dtype.hasobject:
        return np.load(io.BytesIO(content), allow_pickle=False)
    array = pickles.load(stream)
    if not isinstance(array, np.ndarray) or array.shape != shape:
        raise ValueError(f"an array of shape {shape} is announced, found {type(array).__name__}")
    return array
