"""Files that take their place at once: whoever reads ``path`` sees the old file or the new one, never a part of it.

The bytes go to another file in the same folder, which is brought to the disk (fsync) before it gets its name (rename),
and the folder, which holds the names, after that. A process that is killed leaves at most that other file behind; the
next writer of the same path removes it.
"""

import contextlib
import os
import secrets
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

SETTLED = 10.0  # seconds after which an unlocked temporary file is nobody's; its maker locks it within microseconds


@contextlib.contextmanager
def replacing(path):
    """A new binary file, open for writing and reading, that becomes ``path`` if the block ends without an error.

    Raises: OSError if the folder does not exist or cannot be written to; an old file is then untouched.
    """
    path = Path(path)
    _remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "x+b") as file:
            _lock(file)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path, content):
    """``content`` as the file ``path``, whole or not at all."""
    with replacing(path) as file:
        file.write(content)


def sync_folder(folder):
    """Brings the names of the files in ``folder`` to the disk."""
    if os.name != "posix":  # elsewhere folders cannot be opened, and renaming is durable by itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(file):
    """Whether this process now holds the lock on ``file``, which ends with the process, however that ends."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another writer's, or a file system without locks
        return False
    return True


def _remove_leftovers(path):
    """Removes what killed writers of ``path`` left behind."""
    start = f".{path.name}."
    with contextlib.suppress(OSError):  # whether the folder can be read is not what is asked here
        for entry in os.scandir(path.parent):
            if entry.name.startswith(start) and entry.name.endswith(".tmp"):
                with contextlib.suppress(OSError), open(entry.path, "rb") as file:
                    if time.time() - entry.stat().st_mtime > SETTLED and _lock(file):
                        os.unlink(entry.path)
