"""One compressed archive, written in parts of limited size."""

import hashlib
import io
import lzma
import tarfile
from pathlib import Path

DICTIONARY = 1 << 27  # bytes in which repetitions are looked for; about twelve times as much memory is needed, once
SKIPPED = {"__pycache__", ".pytest_cache", ".ruff_cache"}


class Parts(io.RawIOBase):
    """A file in pieces of at most ``limit`` bytes: ``name.000``, ``name.001`` and so on in ``folder``."""

    def __init__(self, folder, name, limit):
        self._folder, self._name, self._limit = Path(folder), name, limit
        self._file, self._room, self._digest = None, 0, None
        self.written = []  # {"name", "bytes", "sha256"} of each piece

    def writable(self):
        return True

    def write(self, data):
        data = memoryview(data).cast("B")
        count = len(data)
        while len(data):
            if not self._room:
                self._next()
            piece, data = data[: self._room], data[self._room :]
            self._file.write(piece)
            self._digest.update(piece)
            self._room -= len(piece)
            self.written[-1]["bytes"] += len(piece)
        return count

    def _next(self):
        self._end()
        name = f"{self._name}.{len(self.written):03}"
        self._file, self._room, self._digest = (self._folder / name).open("wb"), self._limit, hashlib.sha256()
        self.written.append({"name": name, "bytes": 0})

    def _end(self):
        if self._file is not None:
            self._file.close()
            self.written[-1]["sha256"] = self._digest.hexdigest()
            self._file = None

    def close(self):
        self._end()
        super().close()


def write(trees, folder, name, limit, machine="x86_64", level=9):
    """Packs folders into an xz archive in parts. Returns what ``Parts.written`` has.

    trees: (folder here, its name in the archive) pairs. limit: bytes of a part. level: 0 (quick) to 9 (small).
    """
    filters = [{"id": lzma.FILTER_X86}] if machine == "x86_64" else []
    if level == 9:
        filters.append({"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": DICTIONARY})
    else:
        filters.append({"id": lzma.FILTER_LZMA2, "preset": level})
    with (
        Parts(folder, name, limit) as parts,
        lzma.LZMAFile(parts, "wb", filters=filters) as compressed,
        tarfile.open(fileobj=compressed, mode="w|") as archive,
    ):
        for tree, root in trees:
            archive.add(tree, root, filter=_plain)
    return parts.written


def _plain(member):
    """A member of the archive that belongs to nobody; None for what Python makes by itself."""
    if SKIPPED & set(Path(member.name).parts):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
