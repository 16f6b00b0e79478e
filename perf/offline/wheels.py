"""The packages that microdl needs on a GPU, as wheels for a Python and a machine that need not be these here."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

# NumPy is expected on the other machine. numba-cuda's wheels ask for the rest at import, used or not.
REQUIREMENTS = (
    "numba==0.68.1",
    "llvmlite==0.50.0",
    "numba-cuda==0.30.4",
    "cuda-bindings==13.5.0",
    "cuda-core==1.2.2",
    "cuda-pathfinder==1.9.0",
    "packaging==26.3",
)
GLIBC = ("2_28", "2_27", "2_24", "2_17")  # versions whose wheels run wherever the newest of them is
UNUSED = ("cuda/core/cu12", "bin", "nvidia/cu13/nvvm/bin")  # the half for CUDA 12; programs


class CannotPack(Exception):
    """The message says what is missing."""


def download(requirements, python, machine, folder):
    """Lets pip put the wheels into ``folder``. python: "3.12". machine: "x86_64" or "aarch64"."""
    platforms = [f"--platform=manylinux_{version}_{machine}" for version in GLIBC]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += [f"--python-version={python}", "--implementation=cp", *platforms]
    command += [f"--platform=manylinux2014_{machine}", "--dest", str(folder), *requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotPack(f"pip cannot download the wheels:\n{done.stderr.strip()}")


def install(wheels, site, strip=True):
    """Unpacks the wheels side by side in ``site`` and takes out what only makes them larger.

    strip: whether libraries lose their symbols, which needs binutils for their kind of machine.
    """
    if not wheels:
        raise CannotPack("there is no wheel to pack")
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as file:
            file.extractall(site)
    for unused in UNUSED:
        shutil.rmtree(site / unused, ignore_errors=True)
    for tests in [folder for folder in site.rglob("tests") if folder.is_dir()]:
        shutil.rmtree(tests, ignore_errors=True)
    if strip:
        _strip(site)


def _strip(site):
    """Takes symbols for debuggers out of libraries, where there is a program that does it."""
    program = shutil.which("strip")
    if program is None:
        print("there is no program strip (binutils): libraries keep their symbols, and the parts get larger")
        return
    for library in [*site.rglob("*.so"), *site.rglob("*.so.*")]:
        copy = library.with_name(library.name + ".stripped")
        command = [program, "--strip-unneeded", "-o", str(copy), str(library)]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            os.replace(copy, library)
        else:
            copy.unlink(missing_ok=True)


def found_in(folder):
    return sorted(Path(folder).glob("*.whl"))
