"""NumPy's ``.npz``: a zip archive with one array a member, which ``numpy.load(path)["layers/0/kernel"]`` reads.

``__checksum__`` holds the SHA-256 of each array, (n, 32) bytes in the order of the sorted names; ``__metadata__``,
where there are any, JSON as bytes.
"""

import json
import zipfile

import numpy as np

from microdl.core.errors import DataLossError
from microdl.saving.atomic import replacing
from microdl.saving.checksum import checksum, verify
from microdl.saving.zips import last_member

CHECKSUM, METADATA = "__checksum__", "__metadata__"


def write(path, arrays, metadata):
    """Writes the file. arrays: dict from str to array. metadata: dict from str to str."""
    for name, array in arrays.items():
        if name in (CHECKSUM, METADATA):
            raise ValueError(f"{path}: no variable can be called {name!r} in a .npz file")
        if array.dtype.hasobject:
            raise ValueError(f"{path}: variable {name!r} has dtype {array.dtype}, which .npz files cannot hold")
    if metadata:
        arrays = {**arrays, METADATA: np.frombuffer(json.dumps(metadata).encode(), np.uint8)}
    sums = b"".join(checksum(name, arrays[name]) for name in sorted(arrays))
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in {**arrays, CHECKSUM: np.frombuffer(sums, np.uint8).reshape(-1, 32)}.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def read(path, caller):
    """(arrays, metadata). Raises DataLossError that names the file and, where one is to blame, the variable."""
    arrays, name = {}, None
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as stored:
            for member in stored.infolist():
                name = member.filename.removesuffix(".npy")
                if member.compress_type != zipfile.ZIP_STORED:  # which may be few bytes here and fill the memory
                    raise ValueError("it is compressed, which files of microdl are not")
                if name in arrays:
                    raise ValueError("there are two of that name")
                with stored.open(member) as content:
                    arrays[name] = np.lib.format.read_array(content, allow_pickle=False)
    except Exception as error:  # zip, header and key errors: there is no one error for a damaged file
        where = _end(path.read_bytes()) if name is None else f": variable {name!r} cannot be read: {error}"
        raise DataLossError(f"{caller}: {path} is damaged or no .npz file{where}") from None
    expected = arrays.pop(CHECKSUM, None)
    if expected is None:
        raise DataLossError(f"{caller}: {path} has no {CHECKSUM}: it was not written by microdl")
    names = sorted(arrays)
    if expected.shape != (len(names), 32):
        raise DataLossError(f"{caller}: {path} is damaged: it has {len(names)} variables, {len(expected)} checksums")
    verify(caller, path, arrays, {name: sums.tobytes() for name, sums in zip(names, expected, strict=True)})
    metadata = arrays.pop(METADATA, None)
    return arrays, {} if metadata is None else json.loads(metadata.tobytes())


def _end(content):
    """What a file without the list of members, which comes last, was cut in; "" for something else than a zip file."""
    last = last_member(content)
    if last is None:
        return ""
    return f": it ends after {len(content)} bytes, within or after variable {last[0].removesuffix('.npy')!r}"
