"""The safetensors format: a table of contents in JSON, then the values. Nothing in it can be code.

    8 bytes      size of the table, little endian
    the table    {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, "__metadata__": {...}}
    the values   little endian, C order, without gaps

Specification: https://huggingface.co/docs/safetensors. Any program that knows the format can read these files.
``__metadata__`` may hold text alone; here the ``checksums`` of the arrays, and in ``checksum`` one of that text.
Arrays of strings lie there as bytes of JSON (``texts.py``); ``strings`` lists their names.

Why not the library of that name (0.8)? It has no checksums: a flipped bit in the values goes unnoticed, and of a file
cut short it does not say which variable is lost, so the table would be read here all the same. It takes arrays for rows
of memory, whatever their strides: a transposed one comes back with other values. Its ``save`` holds all values twice,
its ``save_file`` writes to a path alone, not into an archive or a file that is to be renamed. And weights can be saved
with NumPy alone. Tests read the files of each with the other.
"""

import json
import math

import numpy as np

from microdl.core.errors import DataLossError
from microdl.saving.atomic import replacing
from microdl.saving.checksum import checksum, checksum_of_text, raw_bytes, verify
from microdl.saving.texts import as_numbers, as_strings

LONGEST_TABLE = 100_000_000  # bytes; the specification's limit
_HEAD = 8  # bytes that hold the table's size
_KINDS = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_NAMES = {np.dtype(kind): name for name, kind in _KINDS.items()}
_METADATA = "__metadata__"
_OWN = ("checksum", "checksums", "format", "strings")  # keys of the metadata that are this module's


def write(path, arrays, metadata):
    """Writes the file. arrays: dict from str to array. metadata: dict from str to str. Raises ValueError, OSError."""
    with replacing(path) as file:
        for part in pack(path, arrays, metadata):
            file.write(part)


def pack(path, arrays, metadata):
    """The parts of the file, in order: bytes and arrays. path: for messages."""
    if _METADATA in arrays:
        raise ValueError(f"{path}: no variable can be called {_METADATA!r} in a .safetensors file")
    strings = [name for name, array in arrays.items() if array.dtype == object]
    arrays = {**arrays, **{name: as_numbers(arrays[name]) for name in strings}}
    ordered = sorted(
        arrays, key=lambda name: -arrays[name].dtype.itemsize
    )  # so that each lies at a multiple of its size
    table, position, parts = {}, 0, []
    for name in ordered:
        array = arrays[name].astype(arrays[name].dtype.newbyteorder("<"), copy=False)
        if array.dtype not in _NAMES:
            raise ValueError(f"{path}: variable {name!r} has dtype {array.dtype}, which safetensors cannot hold")
        table[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [position, position + array.nbytes],
        }
        position += array.nbytes
        parts.append(raw_bytes(array))
    text = {**metadata, "format": "np", "checksums": json.dumps({a: checksum(a, arrays[a]).hex() for a in ordered})}
    text |= {"strings": json.dumps(strings)} if strings else {}
    text["checksum"] = checksum_of_text(text)
    head = json.dumps({_METADATA: text, **table}, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    return [len(head).to_bytes(_HEAD, "little"), head, *parts]


def read(path, caller, foreign=False):
    """(arrays, metadata). Raises DataLossError that names the file and, where one is to blame, the variable.

    foreign: bool, whether files of other programs will do, which have no checksums.
    """
    return unpack(path.read_bytes(), path, caller, foreign)


def unpack(content, path, caller, foreign=False):
    """(arrays, metadata) of the bytes of a file. path: for messages."""
    size = int.from_bytes(content[:_HEAD], "little")
    if len(content) < _HEAD or size > LONGEST_TABLE or content[_HEAD : _HEAD + 1] not in (b"{", b""):
        raise DataLossError(f"{caller}: {path} is damaged or no .safetensors file")
    begin = _HEAD + size
    if len(content) < begin:
        raise DataLossError(
            f"{caller}: {path} is damaged: it ends after {len(content)} bytes, within the list of its variables"
        )
    try:
        table = json.loads(content[_HEAD:begin].decode(), object_pairs_hook=_without_doubles)
        foreign = foreign and table.get(_METADATA, {}).keys().isdisjoint(("checksum", "checksums"))
        metadata = table.pop(_METADATA, {}) if foreign else table.pop(_METADATA)
        entries = {name: _entry(**entry) for name, entry in table.items()}
        if foreign:
            checksums, strings, intact = {}, [], True
        else:
            checksums = {name: bytes.fromhex(text) for name, text in json.loads(metadata["checksums"]).items()}
            strings = json.loads(metadata.get("strings", "[]"))
            intact = metadata["checksum"] == checksum_of_text({k: v for k, v in metadata.items() if k != "checksum"})
    except KeyError as error:
        raise DataLossError(f"{caller}: {path} has no {error.args[0]}: it was not written by microdl") from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DataLossError(f"{caller}: {path} is damaged: the list of its variables is unreadable: {error}") from None
    if not intact:
        raise DataLossError(f"{caller}: {path} is damaged: its metadata do not have the checksum stored with them")
    arrays = _arrays(entries, content, begin, path, caller)
    if foreign:
        return arrays, metadata
    verify(caller, path, arrays, checksums)
    arrays.update((name, as_strings(arrays[name])) for name in strings)
    return arrays, {key: value for key, value in metadata.items() if key not in _OWN}


def _arrays(entries, content, begin, path, caller):
    """name -> array. entries: what the table says. begin: where the values do."""
    arrays, position = {}, 0
    for name, (dtype, shape, first, last) in sorted(entries.items(), key=lambda item: item[1][2:]):
        if first != position or last - first != math.prod(shape) * dtype.itemsize:
            raise DataLossError(
                f"{caller}: {path} is damaged: variable {name!r} has bytes {first} to {last} for {shape}"
            )
        if begin + last > len(content):
            raise DataLossError(
                f"{caller}: {path} is damaged: it ends after {len(content)} bytes, within variable {name!r} "
                f"(bytes {begin + first} to {begin + last})"
            )
        values = np.frombuffer(content, dtype, math.prod(shape), begin + first)
        try:
            arrays[name] = values.reshape(shape).astype(dtype.newbyteorder("="))
        except ValueError as error:  # sizes beside a 0, or axes, that no array can have
            raise DataLossError(f"{caller}: {path} is damaged: variable {name!r} of shape {shape}: {error}") from None
        position = last
    if begin + position != len(content):
        raise DataLossError(
            f"{caller}: {path} is damaged: it has {len(content)} bytes, its variables end at {begin + position}"
        )
    return arrays


def _entry(dtype, shape, data_offsets):
    first, last = data_offsets
    if not all(type(n) is int and n >= 0 for n in (*shape, first, last)):
        raise ValueError("sizes and places are whole numbers")
    if dtype not in _KINDS:
        raise ValueError(f"dtype {dtype!r} is not known")
    return np.dtype(_KINDS[dtype]), tuple(shape), first, last


def _without_doubles(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name stands there twice")
    return dict(pairs)
