"""microdl for a GPU machine that reaches no package index: packed here, run there.

    python perf/offline_gpu.py pack DIR [--python 3.12] [--machine x86_64] [--limit 60] [--with REQUIREMENT ...]
    python DIR/run.py [COMMAND ...]       # on the other machine, once DIR is there

``pack`` downloads the wheels of Numba and its CUDA target, strips them, and packs them with this checkout into a
compressed archive, in parts no larger than --limit MB. The other machine needs Python with NumPy and NVIDIA's driver,
and libNVVM of a CUDA toolkit; where it has no toolkit, pack it too: --with 'nvidia-nvvm==13.0.*'.
"""

import argparse
import json
import platform
import shutil
import tempfile
import time
from pathlib import Path

from offline import archive, wheels

ROOT = Path(__file__).resolve().parents[1]
CHECKOUT = ("microdl", "kernels", "perf", "tests", "examples", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
MB = 1_000_000
NAME = "microdl.tar.xz"


def options(arguments=None):
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("do", choices=["pack"])
    parser.add_argument("folder", type=Path, metavar="DIR", help="where the parts go, with a run.py")
    parser.add_argument("--python", default="3.12", help="version of Python on the other machine (%(default)s)")
    parser.add_argument("--machine", default="x86_64", choices=["x86_64", "aarch64"], help="default: %(default)s")
    parser.add_argument("--limit", type=_megabytes, default=60 * MB, metavar="MB", help="of a part (60)")
    parser.add_argument("--with", dest="more", action="append", default=[], metavar="REQUIREMENT",
                        help="another package, without what it needs itself; may be given again")  # fmt: skip
    parser.add_argument("--packages-only", action="store_true",
                        help="leave this checkout out; run.py gets another one by --checkout")  # fmt: skip
    parser.add_argument("--wheels", type=Path, metavar="DIR", help="take the wheels from here; nothing is downloaded")
    parser.add_argument("--level", type=int, default=9, choices=range(10), help="0: quick, 9: small (%(default)s)")
    return parser.parse_args(arguments)


def _megabytes(text):
    if not float(text) > 0:
        raise argparse.ArgumentTypeError(f"more than 0 MB, got {text}")
    return max(1, int(float(text) * MB))


def pack(chosen, root=ROOT):
    """Fills ``chosen.folder``. Returns what its manifest says."""
    folder = chosen.folder
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{NAME}.*"):
        old.unlink()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if not chosen.wheels:
            print("downloading wheels", flush=True)
            wheels.download((*wheels.REQUIREMENTS, *chosen.more), chosen.python, chosen.machine, work)
        found, site = wheels.found_in(chosen.wheels or work), work / "site"
        wheels.install(found, site, strip=chosen.machine == platform.machine())
        parts = () if chosen.packages_only else CHECKOUT
        trees = [(root / part, f"checkout/{part}") for part in parts if (root / part).exists()]
        print(f"compressing at level {chosen.level}: minutes at 9, seconds at 0", flush=True)
        parts = archive.write([(site, "site"), *trees], folder, NAME, chosen.limit, chosen.machine, chosen.level)
    manifest = {
        "python": chosen.python,
        "machine": chosen.machine,
        "wheels": [wheel.name for wheel in found],
        "parts": parts,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    shutil.copy(Path(__file__).parent / "offline" / "run.py", folder / "run.py")
    return manifest


def main():
    chosen, start = options(), time.perf_counter()
    try:
        manifest = pack(chosen)
    except wheels.CannotPack as error:
        raise SystemExit(str(error)) from None
    for part in manifest["parts"]:
        print(f"{chosen.folder / part['name']}  {part['bytes'] / MB:.1f} MB")
    print(f"packed in {time.perf_counter() - start:.0f} s; take all of {chosen.folder} along and call there")
    print(f"    python{chosen.python} {chosen.folder.name}/run.py")


if __name__ == "__main__":
    main()
