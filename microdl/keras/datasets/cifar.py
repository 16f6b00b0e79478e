"""What CIFAR-10 and CIFAR-100 share: their files, as published for Python and in binary.

In both, an image is 3072 bytes: 1024 of red, row by row, then green, then blue. The Python version pickles dicts of
such rows and labels; in the binary one each image's labels stand before it, one byte each.
Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; www.cs.toronto.edu/~kriz/cifar.html.
"""

import io
import tarfile

import numpy as np

from microdl.keras.datasets import files, pickles

SOURCE = "https://www.cs.toronto.edu/~kriz/cifar.html"
IMAGE_BYTES = 3 * 32 * 32


def load(caller, layout, label):
    """Images (N, 32, 32, 3) and labels (N,) for training and for testing, both uint8.

    Args:
        layout: dict with the names of folder, archive, training files and test files, of the Python version
            ("python") and the binary one ("binary"). label: (key in the pickles, position in the binary rows).
    Raises: FileNotFoundError if there is neither version. ValueError if a file is damaged.
    """
    kinds = {name: kind for kind, version in layout.items() for name in version["places"]}
    place = files.find(caller, list(kinds), SOURCE)
    kind = next(kinds[name] for name in kinds if place.as_posix().endswith(name))
    version = layout[kind]
    parts = []
    for names in (version["train"], version["test"]):
        contents = [_content(caller, place, version["folder"], name) for name in names]
        read = _unpickled if kind == "python" else _unpacked
        rows, labels = zip(*(read(caller, *content, label, version) for content in contents), strict=True)
        parts.append((_images(np.concatenate(rows)), np.concatenate(labels)))
    return parts


def _content(caller, place, folder, name):
    """Where a file of the data set lies, and its bytes: in a folder, or in an archive of one."""
    if place.is_dir():
        path = place / name
        if not path.is_file():
            raise FileNotFoundError(f"{caller}: {place} lacks the file {name}; unpack the archive from {SOURCE} again")
        return path, path.read_bytes()
    try:
        with tarfile.open(place) as archive:
            member = archive.extractfile(f"{folder}/{name}")
            if member is None:
                raise KeyError(name)
            return f"{place}: {name}", member.read()
    except (tarfile.TarError, KeyError, EOFError, OSError) as error:
        raise ValueError(f"{caller}: expected {place} to be a whole archive with {folder}/{name}: {error}") from error


def _unpickled(caller, where, content, label, version):
    try:
        batch = pickles.load(io.BytesIO(content), encoding="bytes")
        labels = np.asarray(batch[label[0].encode()], np.uint8)
        return np.asarray(batch[b"data"], np.uint8).reshape(len(labels), IMAGE_BYTES), labels
    except Exception as error:  # a damaged pickle fails in any way
        raise ValueError(
            f"{caller}: expected {where} to be a pickle with data and {label[0]}: {type(error).__name__}: {error}"
        ) from error


def _unpacked(caller, where, content, label, version):
    size = version["labels"] + IMAGE_BYTES
    if not content or len(content) % size:
        raise ValueError(f"{caller}: expected {where} to hold rows of {size} bytes, found {len(content)} bytes")
    rows = np.frombuffer(content, np.uint8).reshape(-1, size)
    return rows[:, version["labels"] :], rows[:, label[1]]


def _images(rows):
    """(N, 3072) -> (N, 32, 32, 3)"""
    return np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
