"""Checksums of named arrays: SHA-256 of name, dtype, shape and values, so that none of them can change unnoticed."""

import hashlib

import numpy as np

from microdl.core.errors import DataLossError


def checksum(name, array):
    """32 bytes. array: any layout in memory; it is read in C order."""
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)  # one order of bytes on all machines
    digest = hashlib.sha256(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
    digest.update(raw_bytes(array))
    return digest.digest()


def raw_bytes(array):
    """The values in C order, as a memoryview of bytes on them if they lie so."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def checksum_of_text(parts):
    """Hexadecimal. parts: dict from str to str."""
    digest = hashlib.sha256()
    for key in sorted(parts):
        digest.update(f"{len(key)} {key} {len(parts[key])} {parts[key]}".encode())
    return digest.hexdigest()


def verify(caller, path, arrays, checksums):
    """Raises DataLossError that names the first array without its checksum, or the first checksum without an array."""
    for name, array in arrays.items():
        if checksums.get(name) != checksum(name, array):
            raise DataLossError(
                f"{caller}: {path} is damaged: variable {name!r} does not have the checksum stored with it"
            )
    if lost := checksums.keys() - arrays.keys():
        raise DataLossError(f"{caller}: {path} is damaged: variable {min(lost)!r} is lost")
