"""Kernels that are written by the program itself: modules of their own, in the cache folder beside the machine code.

So they are like any other kernel: compiled once for all processes, announced, found by debuggers and profilers, which
show their source. The name of a file tells its contents, so no two processes ever disagree about one.
"""

import functools
import linecache
import sys
import types

from .jit import cache_folder, digest, write_whole


@functools.cache
def load(title, source):
    """The function ``title`` of a module with the text ``source``. Both are Python; nothing else may be."""
    name = f"fused_{title}_{digest(source)}"
    module = types.ModuleType(name)
    module.__file__ = _written(f"{name}.py", source)
    exec(compile(source, module.__file__, "exec"), module.__dict__)
    sys.modules[name] = module
    return getattr(module, title)


def _written(name, source):
    """The path of a file that holds ``source``; without a folder to write to a name that tracebacks understand."""
    folder = cache_folder()
    if folder is not None:
        file = folder / name
        try:
            if not file.exists() or file.read_text() != source:
                write_whole(file, source.encode())
            return str(file)
        except OSError:
            pass  # disk full, or the folder was removed: the kernel works all the same
    path = f"<{name}>"
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    return path
