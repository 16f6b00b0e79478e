"""``tf.io.gfile``: files and folders of this machine, by TensorFlow's names and with its errors."""

import contextlib as _contextlib
import glob as _glob
import os as _os
import shutil as _shutil
from typing import NamedTuple as _NamedTuple

from microdl.core import errors as _errors

_MODES = ("r", "w", "a", "r+", "w+", "a+")


@_contextlib.contextmanager
def errors_about(path):
    """Python's errors about files as TensorFlow's."""
    try:
        yield
    except FileNotFoundError as error:
        raise _errors.NotFoundError(f"{path}; No such file or directory") from error
    except FileExistsError as error:
        raise _errors.AlreadyExistsError(f"{path}; file already exists") from error
    except (IsADirectoryError, NotADirectoryError) as error:
        raise _errors.FailedPreconditionError(f"{path}; {error.strerror}") from error
    except PermissionError as error:
        raise _errors.PermissionDeniedError(f"{path}; {error.strerror}") from error


def _local(path):
    """A path as str. Raises UnimplementedError for one on another file system."""
    path = _os.fsdecode(path.numpy() if hasattr(path, "numpy") else path)
    scheme, mark, rest = path.partition("://")
    if not mark:
        return path
    if scheme == "file":
        return rest
    raise _errors.UnimplementedError(f"File system scheme '{scheme}' not implemented (file: '{path}')")


def exists(path):
    """Whether there is a file or folder."""
    return _os.path.exists(_local(path))


def isdir(path):
    """Whether there is a folder."""
    return _os.path.isdir(_local(path))


def listdir(path):
    """The names in a folder, sorted. Raises NotFoundError if there is none."""
    if not isdir(path):
        raise _errors.NotFoundError(f"Could not find directory {_local(path)}")
    return sorted(_os.listdir(_local(path)))


def glob(pattern):
    """The paths that match a pattern with ``*``, ``?`` and ``[...]``, or one of several patterns, sorted."""
    patterns = pattern if isinstance(pattern, (list, tuple)) else [pattern]
    return [path for one in patterns for path in sorted(_glob.glob(_local(one)))]


def join(path, *paths):
    """Parts of a path as one."""
    return _os.path.join(_local(path), *map(_os.fsdecode, paths))


def mkdir(path):
    """Makes a folder, if it is not there; the one that it lies in must be. Raises NotFoundError."""
    if not isdir(path):
        with errors_about(_local(path)):
            _os.mkdir(_local(path))


def makedirs(path):
    """Makes a folder and those that it lies in, as far as they are not there."""
    with errors_about(_local(path)):
        _os.makedirs(_local(path), exist_ok=True)


def remove(path):
    """Removes a file. Raises NotFoundError, or FailedPreconditionError for a folder."""
    with errors_about(_local(path)):
        if isdir(path):
            raise IsADirectoryError(0, "Is a directory")
        _os.remove(_local(path))


def rmtree(path):
    """Removes a folder with all that lies in it. Raises NotFoundError."""
    if not exists(path):
        raise _errors.NotFoundError(f"{_local(path)} not found")
    with errors_about(_local(path)):
        _shutil.rmtree(_local(path))


def copy(src, dst, overwrite=False):
    """Copies a file. Raises AlreadyExistsError if ``dst`` is there, unless ``overwrite``."""
    _refuse_existing(dst, overwrite)
    with errors_about(_local(src)):
        _shutil.copyfile(_local(src), _local(dst))


def rename(src, dst, overwrite=False):
    """Renames a file or folder. Raises AlreadyExistsError if ``dst`` is there, unless ``overwrite``."""
    _refuse_existing(dst, overwrite)
    with errors_about(_local(src)):
        _os.replace(_local(src), _local(dst))


def _refuse_existing(path, overwrite):
    if exists(path) and not overwrite:
        raise _errors.AlreadyExistsError(f"{_local(path)}; file already exists; overwrite=True replaces it")


class FileStatistics(_NamedTuple):
    """What ``stat`` tells of a file: bytes, nanoseconds since 1970, whether it is a folder."""

    length: int
    mtime_nsec: int
    is_directory: bool


def stat(path):
    """FileStatistics of a file. Raises NotFoundError."""
    with errors_about(_local(path)):
        found = _os.stat(_local(path))
    return FileStatistics(found.st_size, found.st_mtime_ns, isdir(path))


def walk(top, topdown=True, onerror=None):
    """``(folder, names of folders, names of files)`` of a folder and all below it, in the order of names."""
    if not isdir(top):
        return
    path, names = _local(top), listdir(top)
    folders = [name for name in names if _os.path.isdir(_os.path.join(path, name))]
    here = path, folders, [name for name in names if name not in folders]
    if topdown:
        yield here
    for name in folders:
        yield from walk(_os.path.join(path, name), topdown, onerror)
    if not topdown:
        yield here


class GFile:
    """A file, read or written as str, or with "b" in its mode as bytes; opened when first used.

    Args: name: path. mode: "r", "w", "a", "r+", "w+" or "a+", with or without "b".
    Raises: InvalidArgumentError for other modes; NotFoundError and PermissionDeniedError when it is used.

    >>> with GFile("notes.txt", "w") as file:
    ...     file.write("one\\n")
    """

    def __init__(self, name, mode="r"):
        self.name, self.mode = _local(name), mode
        if mode.replace("b", "") not in _MODES:
            raise _errors.InvalidArgumentError(f"mode is not {' or '.join(map(repr, _MODES))}, got {mode!r}")
        self._binary, self._file = "b" in mode, None

    def _opened(self, what=None):
        """The file. Raises PermissionDeniedError if its mode does not allow ``what``: "reading" or "writing"."""
        plain = self.mode.replace("b", "")
        if what is not None and "+" not in plain and (plain == "r") != (what == "reading"):
            raise _errors.PermissionDeniedError(f"File isn't open for {what}: {self.name}, mode {self.mode!r}")
        if self._file is None:
            with errors_about(self.name):
                self._file = open(self.name, plain + "b")  # noqa: SIM115 (close and __exit__ close it)
        return self._file

    def _given(self, content):
        return content if self._binary else content.decode()

    def read(self, n=-1):
        """The next ``n`` bytes (decoded as UTF-8 in text mode), or all that are left."""
        return self._given(self._opened("reading").read(n))

    def readline(self):
        """The next line, with its end; nothing at the end of the file."""
        return self._given(self._opened("reading").readline())

    def readlines(self):
        """All lines that are left."""
        return list(map(self._given, self._opened("reading")))

    def write(self, file_content):
        """Writes a str (as UTF-8) or bytes."""
        content = file_content if isinstance(file_content, bytes) else str(file_content).encode()
        self._opened("writing").write(content)

    def seek(self, offset, whence=0):
        """Goes to a byte, counted from the start (whence 0), from here (1) or from the end (2)."""
        self._opened().seek(offset, whence)

    def tell(self):
        """The byte that is read or written next."""
        return self._opened().tell()

    def size(self):
        """Bytes in the file."""
        self.flush()
        return stat(self.name).length

    def seekable(self):
        """True: files are."""
        return True

    def flush(self):
        """Hands over to the system what was written."""
        if self._file is not None:
            self._file.flush()

    def close(self):
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def __iter__(self):
        return self

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def __del__(self):
        if getattr(self, "_file", None) is not None:
            self.close()
