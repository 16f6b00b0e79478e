"""MNIST, 70,000 handwritten digits, inside the package: no download, no network, ever.

Source: Yann LeCun and Corinna Cortes, "The MNIST database of handwritten digits"; licence CC BY-SA 3.0, see NOTICE.

The file ``mnist.npz`` beside this module holds, for each part, which pixels are not zero (one bit each, 81 % are zero)
and the values of those alone. Deflate then has only ink to compress. The options, for the same 70,000 images on one
core of an AMD EPYC (Zen 4), size and time from bytes on disk to arrays:

    deflate of the images as they are      11.2 MB   0.15 s
    deflate of bits and ink (this file)    10.2 MB   0.22 s
    bzip2 of the images as they are         9.8 MB   0.83 s
    LZMA of the images as they are          9.4 MB   0.55 s
"""

import hashlib
import io
from pathlib import Path

import numpy as np

from microdl.keras.datasets import idx

PARTS = ("train", "test")
IMAGE_SHAPE = (28, 28)
SHA256 = "431aee23f2fbb2aa3be027e979b12c1ea3e9d33b3bef0ae78f65da406e28e6e1"
_FILE = Path(__file__).with_name("mnist.npz")
_REPAIR = (
    "microdl never downloads data: reinstall it from where you got it (python -m pip install --force-reinstall "
    "--no-deps <folder, wheel or URL>), or in a git checkout run: git checkout -- microdl/keras/datasets/mnist.npz"
)


def load_data(path="mnist.npz"):
    """Loads MNIST.

    Args:
        path: str or path-like. ``"mnist.npz"``: the copy inside the package, its SHA-256 checked. A folder: the four
            IDX files in it, see `idx.load_folder`. Any other file: an ``.npz`` with the arrays ``x_train``,
            ``y_train``, ``x_test`` and ``y_test``, as Keras stores it.
    Returns: ``(x_train, y_train), (x_test, y_test)``. Images are uint8, (60000, 28, 28) and (10000, 28, 28), 0 for
        paper and 255 for ink; labels are uint8, (60000,) and (10000,), the digits 0 to 9.
    Raises: FileNotFoundError if the file is missing. ValueError if it is damaged.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, y_train[:5]
    ((60000, 28, 28), array([5, 0, 4, 1, 9], dtype=uint8))
    """
    if path == "mnist.npz":
        return _load_packaged()
    path = Path(path).expanduser()
    if path.is_dir():
        return idx.load_folder(path)
    if path.is_file():
        return _load_keras(path)
    raise FileNotFoundError(
        f"mnist.load_data: found no file or folder {path}, and microdl never downloads data; leave path out for the "
        "copy inside the package, or give a folder with the four IDX files"
    )


def _load_packaged():
    try:
        content = _FILE.read_bytes()
    except OSError as error:
        raise FileNotFoundError(f"mnist.load_data: cannot read the package's {_FILE} ({error}). {_REPAIR}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise ValueError(
            f"mnist.load_data: the package's {_FILE} is damaged: expected SHA-256 {SHA256}, found {found} "
            f"({len(content)} bytes). {_REPAIR}"
        )
    with np.load(io.BytesIO(content)) as stored:
        return tuple((_images(stored[f"{part}_bits"], stored[f"{part}_ink"]), stored[f"y_{part}"]) for part in PARTS)


def _images(bits, ink):
    """Puts ``ink`` where ``bits`` has ones. bits: uint8, (N, H * W / 8). ink: uint8, (ones,). Returns (N, H, W)."""
    images = np.zeros((len(bits), *IMAGE_SHAPE), np.uint8)
    images.reshape(-1)[np.unpackbits(bits).view(bool)] = ink
    return images


def _load_keras(path):
    names = [f"{kind}_{part}" for part in PARTS for kind in "xy"]
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            x_train, y_train, x_test, y_test = (stored[name] for name in names)
    except Exception as error:  # zip, zlib, header and key errors: np.load has no one error for a damaged file
        raise ValueError(
            f"mnist.load_data: expected {path} to be an .npz file with {', '.join(names)}: {error}"
        ) from error
    return (x_train, y_train), (x_test, y_test)
