"""The one way a kernel is compiled: flags, one thread or several by problem size, a disk cache that cannot go stale.

    @kernel                     called from Python
    @kernel(tasks=...)          the same, on several threads: the function does one task
    @inner                      called from kernels only; compiled into each caller
    @exact                      the same, without fastmath

Numba's own disk cache looks at one source file only and knows neither callees nor flags. Ours is keyed by everything
that decides the machine code: the sources of the kernel's module and of all kernel modules it imports, flags, versions,
CPU. One file holds one compiled signature and is written under another name first, so processes may share the folder.
"""

import functools
import hashlib
import inspect
import os
import re
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from llvmlite import binding as llvm
from numba.core import config as numba_config, serialize
from numba.core.compiler import CompileResult

from . import recording, threads
from .launch import spread
from .linking import CompiledKernel, LinkedFunction

# No "nnan" and "ninf": with them the compiler may assume that NaN and infinity never occur.
FASTMATH = {"contract", "reassoc", "nsz", "arcp"}
FLAGS: dict[str, Any] = {"fastmath": FASTMATH, "error_model": "numpy", "nogil": True}
EXACT_FLAGS: dict[str, Any] = FLAGS | {"fastmath": False}
SERIAL_BELOW = 32768  # elements; under it a parallel region (some microseconds) costs more than it saves
ANNOUNCE_SECONDS = 1.0  # a longer compile is worth a line on stderr,
ANNOUNCE_TOGETHER = 3.0  # and so are short ones that took that long together

config: Any = numba_config  # read at run time: the environment and tests change it
compiles: list[tuple[str, float]] = []  # (kernel and signature, seconds) of what this process had to compile
loads: list[tuple[str, float]] = []  # the same of what it found on disk
elsewhere: Any = None  # called with a missing file: another process may be about to write it (``ahead.py``)


def inner(function):
    """Compiles ``function`` for use inside kernels (and, with the JIT off, leaves it as it is)."""
    return function if config.DISABLE_JIT else LinkedFunction(function, FLAGS)


def exact(function):
    """``inner`` with every operation rounded as written (no fused multiply-add), to match another program's bits."""
    return function if config.DISABLE_JIT else LinkedFunction(function, EXACT_FLAGS)


def kernel(function=None, *, tasks=None, work=None, serial_below=SERIAL_BELOW, single=None) -> Any:
    """Makes ``function`` callable on arrays from Python, compiled once for each signature and cached on disk.

    Args:
        tasks: function of the arguments -> number of tasks. ``function`` then does one of them, whose number (int64) it
            takes before its other arguments, like a block of a CUDA kernel: ``relu(x, y)`` calls relu(0, x, y), relu(1,
            x, y) and so on, in any order and on any thread. None: ``function`` does all, on one thread.
        work: function of the arguments -> number of elementary steps; None takes the last argument's size.
        serial_below: int, in units of ``work``. Smaller problems stay on one thread.
        single: function of the arguments, without kernels, that does the same where the last argument has one element:
            to compile a kernel for a learning rate takes longer than any training saves by it. None: there is none.

    Bits must not depend on the number of threads: the number of tasks depends on the problem alone, a task reads
    nothing that another writes, and every output element belongs to one task.
    """
    if function is None:
        return functools.partial(kernel, tasks=tasks, work=work, serial_below=serial_below, single=single)
    if tasks is not None:
        return Kernel(function, tasks, work, serial_below, single)
    return function if config.DISABLE_JIT else _cached(function, function, SerialKernel)


class Kernel:
    """A function of one task, called for all tasks of a problem."""

    def __init__(self, function, tasks, work, serial_below, single=None):
        functools.update_wrapper(self, function)
        self.py_func, self.tasks, self.work, self.serial_below = function, tasks, work, serial_below
        self.single = single
        self._launch: Any = None if config.DISABLE_JIT else _launcher(function)

    def __call__(self, *args):
        if self.single is not None and args[-1].size == 1:
            recording.call(self.single, *args)
            return
        if recording.listening and recording.note(self, args):
            return
        count = self.tasks(*args)
        if self._launch is None:
            for task in range(count):
                self.py_func(task, *args)
        elif count > 1 and (args[-1].size if self.work is None else self.work(*args)) >= self.serial_below:
            _on_threads(self._launch, count, args)
        elif count > 0:
            self._launch(count, 1, *args)

    def bound(self, *args):
        """A function without arguments that makes this call, its tasks counted already; None if there are none."""
        count = self.tasks(*args)
        if count > 1 and (args[-1].size if self.work is None else self.work(*args)) >= self.serial_below:
            return partial(_on_threads, self._launch, count, args)
        return partial(self._launch, count, 1, *args) if count > 0 else None

    @property
    def dispatcher(self):
        """What Numba compiles."""
        return self._launch

    def passed_on(self, args):
        """The arguments with which ``dispatcher`` is called (their types are what matters)."""
        return 1, 1, *args

    def __repr__(self):
        return f"<Kernel {self.py_func.__module__}.{self.py_func.__qualname__}>"


class SerialKernel(CompiledKernel):
    """A kernel that is one call."""

    def __call__(self, *args):
        if recording.listening and recording.note(self, args):
            return
        call: Any = super().__call__
        call(*args)

    def bound(self, *args):
        """A function without arguments that makes this call."""
        call: Any = super().__call__
        return partial(call, *args)

    @property
    def dispatcher(self):
        return self

    def passed_on(self, args):
        return args


def _on_threads(launch, count, args):
    if threads.unguarded:
        launch(count, threads.limit, *args)
    else:
        threads.run_guarded(launch, count, args)


def _launcher(function):
    """launch(tasks, threads, *args): ``function`` for each task, compiled at the first call."""
    arguments = ", ".join(list(inspect.signature(function).parameters)[1:])
    names = {"__name__": function.__module__, "spread": spread, "body": inner(function)}
    source = f"""def launch(_tasks, _threads, {arguments}):
    if spread(body, _tasks, _threads, ({arguments},)):
        raise MemoryError("{function.__name__}: no memory for a task's scratch arrays")"""
    exec(source, names)  # a function with the kernel's own arguments: Numba unpacks *args slowly
    return _cached(names["launch"], function)


def _cached(compiled, function, dispatcher_class=CompiledKernel):
    """``compiled``, ready to be called, with its machine code on disk under the name and sources of ``function``."""
    dispatcher: Any = dispatcher_class(compiled, FLAGS)
    dispatcher._cache = KernelCache(function)
    return dispatcher


def specialised(kernel, args):
    """(signature, cache file) of the machine code that a call of ``kernel`` with ``args`` runs."""
    signature = tuple(map(kernel.dispatcher.typeof_pyval, kernel.passed_on(args)))
    return signature, kernel.dispatcher._cache.file(signature)


def _announce(name, seconds, where):
    """A line on stderr for a long compile, and for several short ones that together took long."""
    if os.environ.get("MICRODL_QUIET"):
        return
    if seconds > ANNOUNCE_SECONDS:
        print(f"microdl: compiled {name} in {seconds:.1f} s ({where})", file=sys.stderr)
        return
    _unannounced.append(seconds)
    if sum(_unannounced) > ANNOUNCE_TOGETHER:
        count, together = len(_unannounced), sum(_unannounced)
        _unannounced.clear()
        print(f"microdl: compiled {count} more kernels in {together:.1f} s ({where})", file=sys.stderr)


_unannounced: list[float] = []  # seconds of compiles that no line has told of


class KernelCache:
    """Compiled signatures of one kernel on disk, in the form that Numba's dispatchers ask for."""

    def __init__(self, function):
        self.name = f"{function.__module__.removeprefix('microdl.kernels.')}.{function.__qualname__}"
        self.sources = sources_hash(Path(function.__code__.co_filename))
        self.folder = cache_folder()
        self.cache_path = str(self.folder)
        self._started = 0.0

    def file(self, signature):
        """Where a signature's machine code is, or would be."""
        if self.folder is None:
            raise OSError("no cache folder can be written to")
        return self.folder / f"{self.name}.{digest(str(signature))}.{self.sources}.nbc"

    def load_overload(self, signature, target_context):
        threads.start()  # defines the symbols that the machine code of parallel kernels refers to
        target_context.refresh()
        self._started = time.perf_counter()
        try:
            file = self.file(signature)
            if not file.exists() and elsewhere is not None:
                elsewhere(file)
            stored = file.read_bytes()
            stamp, payload = stored[:32], stored[32:]
            if hashlib.sha256(payload).digest() == stamp:
                result = CompileResult._rebuild(target_context, *serialize.loads(payload))
                loads.append((f"{self.name}{signature}", time.perf_counter() - self._started))
                return result
        except OSError:
            pass  # not there (or gone meanwhile): compile
        return None

    def save_overload(self, signature, result):
        seconds = time.perf_counter() - self._started
        compiles.append((f"{self.name}{signature}", seconds))
        if result.library.has_dynamic_globals:
            raise TypeError(f"kernel {self.name}: captures an address or a large global array, so it cannot be cached")
        try:
            file = self.file(signature)
            payload = serialize.dumps(result._reduce())
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, hashlib.sha256(payload).digest() + payload)
            self._forget_old_sources(file)
            where = f"cached in {self.cache_path}"
        except OSError as error:  # disk full, folder made read-only: the compiled kernel works all the same
            where = f"not cached: {error}"
        _announce(self.name, seconds, where)

    def _forget_old_sources(self, file, keep=4):
        """Keeps the newest ``keep`` versions of one signature, for people who edit kernels."""
        versions = file.parent.glob(f"{self.name}.{_digest_of(file)}.*.nbc")
        for old in sorted(versions, key=_age)[keep:]:
            old.unlink(missing_ok=True)

    def flush(self):
        for file in self.folder.glob(f"{self.name}.*.nbc") if self.folder else ():
            file.unlink(missing_ok=True)

    def enable(self):
        """Numba's cache interface: this cache is always on."""

    disable = enable


def write_whole(file, contents):
    """Writes ``file`` under another name first: no process ever reads half of it."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        temporary.write_bytes(contents)
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _age(file):
    """Sorts newest first; files that another process removed meanwhile come last."""
    try:
        return -file.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _digest_of(file):
    return file.name.split(".")[-3]


@functools.cache
def sources_hash(file):
    """Hash of a kernel module's source and of every kernel module that it imports, directly or not.

    A kernel from elsewhere (a user's, a test's) may use any of ours, under any name: all of them count.
    """
    file, home = file.resolve(), Path(__file__).resolve().parent
    seen, waiting = set(), [file, Path(__file__).resolve(), *([] if home in file.parents else home.rglob("*.py"))]
    while waiting:
        module = waiting.pop()
        if module not in seen and module.exists():
            seen.add(module)
            waiting += _imported(module)
    return digest("\0".join(f"{module.name}\0{_source(module)}" for module in sorted(seen)))


@functools.cache
def _source(module):
    """The text of a module, read once, when the first kernel that needs it has just been imported.

    A file that is edited later must not give its new text, and so a new key, to code of the old one in this process.
    """
    return module.read_text()


@functools.cache
def _imported(module):
    """Files that the relative imports at the top level of ``module`` may name."""
    source = re.sub(r"#.*|\\\n", "", _source(module))
    found = []
    for dots, name, names in re.findall(r"^from (\.+)([\w.]*) import (\([^)]*\)|.*)", source, re.MULTILINE):
        named = module.parents[len(dots) - 1].joinpath(*name.split("."))
        found += [named.with_name(f"{named.name}.py")] if name else []  # from .x import function
        found += [named / f"{imported}.py" for imported in re.findall(r"\w+", names)]  # from . import x
    return found


@functools.cache
def cache_folder():
    """Where compiled kernels are kept, or None if no place can be written (said once, in one line)."""
    versions = (sys.version, numba.__version__, llvmlite.__version__, np.__version__)
    host = (llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    settings = (config.CPU_NAME, config.CPU_FEATURES, config.OPT, config.BOUNDSCHECK, config.DEBUGINFO_DEFAULT)
    vectors = (config.LOOP_VECTORIZE, config.SLP_VECTORIZE, config.USING_SVML, config.ENABLE_AVX)
    width = os.environ.get("MICRODL_VECTOR_BYTES")  # cpu/simd.py reads it
    key = digest(repr((versions, host, settings, vectors, width)))
    chosen = os.environ.get("MICRODL_CACHE_DIR")
    tried = []
    for place in [lambda: Path(chosen).absolute()] if chosen else [_user_cache, _temporary_cache]:
        try:
            tried.append(place())
            folder = tried[-1] / f"kernels-{key}"
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not _is_private(folder):
                continue  # compiled code is only ever loaded from a folder that nobody else can write to
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except (OSError, RuntimeError):  # RuntimeError: a user without a home
            continue
    places = " or ".join(map(str, tried)) or "a home or temporary folder"
    print(f"microdl: cannot write to {places}: kernels are compiled anew by every process", file=sys.stderr)
    return None


def _temporary_cache():
    """A folder of this user's in the system's temporary one, where others could have made it first."""
    user = str(os.getuid()) if os.name == "posix" else os.environ.get("USERNAME", "user")
    folder = Path(tempfile.gettempdir(), f"microdl-{user}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_private(folder):
        raise OSError(f"{folder} can be written to by others")
    return folder


def _is_private(folder):
    """Whether only this user can write to ``folder`` (on systems with owners and modes)."""
    return os.name != "posix" or (folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & 0o022)


def _user_cache():
    """The user's cache folder as the platform's conventions name it."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"), "microdl")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "microdl"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "microdl")
