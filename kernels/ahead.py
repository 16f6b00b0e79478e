"""Compiles kernels in a second process, while this one compiles others: a first step with an empty cache comes sooner.

Numba compiles one kernel at a time in a process. Whoever makes a plan knows, before any kernel has run, what will be
called: ``with offered(functions)`` says so. Once a kernel is missing from the cache, the functions are called without
running kernels, only to list them, and a second process compiles the list from its end while this process goes on from
its beginning. They meet in the middle; what one of them has begun, the other leaves to it. Kernels come back through
the cache on disk. A warm cache starts nothing.

The second process is a fresh interpreter (nothing is forked). It ends with its list, and at once when this process
ends: it holds the other end of a pipe. Where it cannot be started, all is compiled here.
"""

import atexit
import contextlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from numba.core import serialize

from . import jit, recording, threads

PACKAGE = __name__.rpartition(".")[0] + "."
FEWEST = 4  # missing kernels; with fewer, the second process would start for nothing
PATIENCE = 60.0  # seconds to wait for a kernel that the second process has begun
POLL = 0.005  # seconds
COMMAND = "import sys; sys.path[:] = sys.argv[2:]; from microdl.kernels import ahead; ahead.serve(sys.argv[1])"


class _Local(threading.local):
    offered: list | None = None  # functions whose kernels this thread is about to need


_local = _Local()
_helper: "_Helper | None" = None  # this process has one at a time


@contextlib.contextmanager
def offered(functions):
    """While the block runs, the kernels of ``functions`` may be compiled elsewhere.

    functions: without arguments, each of which calls kernels as ``recording`` asks for; the block runs them in about
    this order. They are called at most once more, on this thread, and then no kernel runs.
    """
    before, _local.offered = _local.offered, None if jit.config.DISABLE_JIT else list(functions)
    try:
        yield
    finally:
        _local.offered = before


def _wait_for(file):
    """Starts the second process, if none is there, and lets it finish a missing cache file that it has begun."""
    global _helper
    if _helper is None and _local.offered:
        functions, _local.offered = _local.offered, None
        _helper = _start(file, functions)
    helper = _helper  # which its own thread may remove
    if helper is not None:
        helper.wait_for(file)


def _start(file, functions):
    """A _Helper for what is missing besides ``file``, or None where that does not pay or is not possible."""
    if threads.limit < 2 or not Path(sys.executable or "").name.lower().startswith("python"):
        return None
    wanted = {}
    for kernel, args in recording.listed(functions):
        module, name = kernel.py_func.__module__, kernel.py_func.__qualname__
        signature, missing = jit.specialised(kernel, args)
        if module.startswith(PACKAGE) and missing != file and not missing.exists():
            wanted[missing.name] = module, name, signature
    if len(wanted) < FEWEST:
        return None
    try:
        return _Helper(file.parent, wanted)
    except OSError:
        return None


class _Helper:
    """The second process. ``wanted``: cache file -> (module, name, signature) of a kernel, in the order of need."""

    def __init__(self, folder, wanted):
        self.files = frozenset(wanted)
        self.claims = tempfile.TemporaryDirectory(prefix="microdl-", ignore_cleanup_errors=True)
        job = Path(self.claims.name, "job")
        job.write_bytes(serialize.dumps((str(folder), list(reversed(wanted.items())))))
        command = [sys.executable, "-c", COMMAND, str(job), *sys.path]
        streams: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process: Any = subprocess.Popen(command, **streams)
        self.pid = os.getpid()
        atexit.register(self.end)
        threading.Thread(target=self._tidy_up, daemon=True).start()

    def _tidy_up(self):
        self.process.wait()
        self.end()

    def wait_for(self, file):
        """Returns at once unless the process has ``file`` in its list and was the first to claim it."""
        if file.name not in self.files or os.getpid() != self.pid or _claim(self.claims.name, file.name):
            return
        end = time.perf_counter() + PATIENCE
        while not file.exists() and self.process.poll() is None and time.perf_counter() < end:
            time.sleep(POLL)

    def end(self):
        global _helper
        if os.getpid() == self.pid:  # else a fork of the process that started it
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.claims.cleanup()
            atexit.unregister(self.end)
            _helper = None


def _claim(folder, name):
    """Whether the caller is the first of both processes to ask for this kernel."""
    try:
        os.close(os.open(os.path.join(folder, name), os.O_CREAT | os.O_EXCL))
    except OSError:
        return False
    return True


def serve(job):
    """What the second process does: compiles the kernels of the list in file ``job``."""
    claims = os.path.dirname(job)
    threading.Thread(target=_end_with_input, args=(claims,), daemon=True).start()
    folder, wanted = serialize.loads(Path(job).read_bytes())
    for file, (module, name, signature) in wanted:
        if str(jit.cache_folder()) != folder:
            return  # other settings than those of the process that asks
        if _claim(claims, file):
            getattr(importlib.import_module(module), name).dispatcher.compile(signature)


def _end_with_input(claims):
    """Ends this process with the one that started it, even if that was killed and could not tidy up."""
    sys.stdin.buffer.read()  # returns when the other end of the pipe is closed
    shutil.rmtree(claims, ignore_errors=True)
    os._exit(0)


jit.elsewhere = _wait_for
