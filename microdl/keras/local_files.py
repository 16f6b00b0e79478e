"""Files that programs ask for by an address: those of this machine. Nothing is downloaded."""

import hashlib
import os
import shutil
import tarfile
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path


def get_file(
    fname=None,
    origin=None,
    untar=False,
    md5_hash=None,
    file_hash=None,
    cache_subdir="datasets",
    hash_algorithm="auto",
    extract=False,
    archive_format="auto",
    cache_dir=None,
    force_download=False,
):
    """The path of a copy of a local file, or of what an archive holds, in a cache.

    Args:
        fname: str, its name in the cache; None for the origin's. origin: path or ``file://`` address.
        file_hash (or md5_hash): hexadecimal; hash_algorithm: "auto" (by length), "md5" or "sha256".
        extract (or untar): whether to unpack a tar or zip file. cache_dir: by default ``$KERAS_HOME`` or ``~/.keras``,
            with ``cache_subdir`` in it. force_download: whether to copy again what is there. archive_format: accepted.

    Raises: ValueError for other addresses, if the file is not in the cache yet, and for a file with another hash.
        FileNotFoundError.
    """
    if origin is None:
        raise ValueError('get_file: `origin` must be given: a path, or an address "file://..."')
    address = urllib.parse.urlparse(os.fspath(origin))
    home = cache_dir or os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    target = Path(home) / cache_subdir / (fname or Path(address.path).name)
    if force_download or not target.exists():
        if address.scheme not in ("", "file"):
            raise ValueError(
                f"get_file: nothing is downloaded here; fetch {origin} yourself and put it at {target}, or give "
                "the path of a local copy"
            )
        source = Path(urllib.request.url2pathname(address.path) if address.scheme else os.fspath(origin))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    if (wanted := file_hash or md5_hash) is not None:
        _check(target, wanted, "md5" if file_hash is None else hash_algorithm)
    if not (extract or untar):
        return str(target)
    folder = target.with_name(f"{target.name}_extracted" if extract else target.name.partition(".")[0])
    _unpack(target, folder)
    return str(folder)


def _check(path, wanted, algorithm):
    kind = ("sha256" if len(wanted) == 64 else "md5") if algorithm == "auto" else algorithm
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, kind).hexdigest()
    if found != wanted.lower():
        raise ValueError(f"get_file: {path} has the {kind} {found}, {wanted} was expected: it is incomplete or another")


def _unpack(path, folder):
    """A tar or zip file into ``folder``; nothing is written outside of it."""
    if tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)  # drops drives, leading slashes and ".." by itself
    else:
        raise ValueError(f"get_file: {path} is no tar or zip file")
