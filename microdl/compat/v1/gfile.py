"""``tf.gfile``: files under TensorFlow 1's names."""

from microdl import io as _io

_modern = _io.gfile
GFile = Open = FastGFile = _modern.GFile
Exists, IsDirectory, ListDirectory, Glob = _modern.exists, _modern.isdir, _modern.listdir, _modern.glob
MkDir, MakeDirs, Remove, DeleteRecursively = _modern.mkdir, _modern.makedirs, _modern.remove, _modern.rmtree
Copy, Rename, Stat = _modern.copy, _modern.rename, _modern.stat


def Walk(top, in_order=True):
    """Yields (folder, names of folders in it, names of files in it) for a folder and all below it."""
    return _modern.walk(top, in_order)
