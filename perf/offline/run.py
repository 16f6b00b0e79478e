"""Runs microdl from this folder, on a machine that reaches no package index. It needs Python with NumPy, no more.

    python run.py                         # what is here, tests, kernels and steps beside PyTorch if it is there
    python run.py python my_script.py     # or any other command, in the folder of the checkout

The parts beside this file are unpacked once, into ``unpacked`` beside it or where --into says.
"""

import argparse
import hashlib
import importlib.util
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHUNK = 1 << 20


class Parts(io.RawIOBase):
    """The parts of an archive, read as one file."""

    def __init__(self, paths):
        self._paths, self._file = list(paths), None

    def readable(self):
        return True

    def readinto(self, buffer):
        while True:
            if self._file is None:
                if not self._paths:
                    return 0
                self._file = self._paths.pop(0).open("rb")
            count = self._file.readinto(buffer)
            if count:
                return count
            self._file.close()
            self._file = None


def check(packed):
    """Ends the program if this Python, or what arrived of the parts, is not what was packed."""
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if here != packed["python"]:
        sys.exit(f"this is Python {here}, and the packages are for {packed['python']}: pack them with --python {here}")
    if platform.machine() != packed["machine"]:
        sys.exit(f"this machine is {platform.machine()}, and the packages are for {packed['machine']}")
    if importlib.util.find_spec("numpy") is None and not any(name.startswith("numpy-") for name in packed["wheels"]):
        sys.exit(f"{sys.executable} has no NumPy: use a Python that has it, or pack it too: --with numpy")
    for part in packed["parts"]:
        path, digest = HERE / part["name"], hashlib.sha256()
        if not path.exists():
            sys.exit(f"{path} is missing")
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        if digest.hexdigest() != part["sha256"]:
            sys.exit(f"{path} has {path.stat().st_size} bytes, not the {part['bytes']} that were packed: copy it again")


def unpack(packed, folder):
    """Unpacks the parts, unless these parts lie there already."""
    mark, label = folder / "unpacked.json", json.dumps(packed["parts"])
    if mark.exists() and mark.read_text() == label:
        return
    start = time.perf_counter()
    check(packed)
    folder.mkdir(parents=True, exist_ok=True)
    parts = io.BufferedReader(Parts(HERE / part["name"] for part in packed["parts"]), CHUNK)
    with tarfile.open(fileobj=parts, mode="r|xz") as archive:
        archive.extractall(folder, filter="data")
    mark.write_text(label)
    print(f"unpacked into {folder} in {time.perf_counter() - start:.1f} s", flush=True)


def environment(folder, checkout):
    """Of the commands. ``.pth`` files in ``site`` are not read; kernels/cuda/target.py does without them.

    A libNVVM that was packed is found by the system's loader; cuda-pathfinder looks in Python's own folders only.
    """
    paths = [str(checkout), str(folder / "site"), os.environ.get("PYTHONPATH", "")]
    found = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1"}
    found.setdefault("MICRODL_CACHE_DIR", str(folder / "cache"))
    libraries = folder / "site" / "nvidia" / "cu13" / "lib"
    if libraries.is_dir():
        found["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [str(libraries), os.environ.get("LD_LIBRARY_PATH")]))
    return found


def usual_commands():
    """Tests, kernels, steps; beside PyTorch where this Python has it."""
    has = {name: importlib.util.find_spec(name) is not None for name in ("pytest", "hypothesis", "torch", "jax")}
    tests = ["-m", "pytest", "-q", "-m", "gpu"] if has["pytest"] and has["hypothesis"] else ["perf/offline/selftest.py"]
    torch = ["--torch-python", sys.executable] if has["torch"] else []
    jax = ["--jax-python", sys.executable] if has["jax"] else []
    yield [sys.executable, *tests]
    yield [sys.executable, "perf/bench.py", "--device", "gpu", "--quick", *torch]
    yield [sys.executable, "perf/peers.py", "--device", "gpu", "--quick", *torch, *jax]


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--into", type=Path, default=HERE / "unpacked", metavar="FOLDER", help="default: %(default)s")
    parser.add_argument("--checkout", type=Path, metavar="FOLDER", help="of microdl; default: the one that was packed")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="default: tests, perf/bench.py, perf/peers.py")
    chosen = parser.parse_args()
    folder = chosen.into.resolve()
    unpack(json.loads((HERE / "manifest.json").read_text()), folder)
    checkout = (chosen.checkout or folder / "checkout").resolve()
    if not (checkout / "microdl").is_dir():
        parser.error(f"{checkout} has no microdl: name a checkout by --checkout")
    settings, failed = environment(folder, checkout), []
    commands = [chosen.command] if chosen.command else list(usual_commands())
    for command in ([sys.executable, "-m", "microdl.doctor"], *commands):
        if command[0] in ("python", "python3"):  # this one
            command = [sys.executable, *command[1:]]
        print("\n$", *command, flush=True)
        code = subprocess.run(command, cwd=checkout, env=settings, check=False).returncode
        if code:
            failed.append((command, code))
    for command, code in failed:
        print(f"\nended with code {code}:", *command)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
