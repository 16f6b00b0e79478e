"""Makes ``mnist.npz`` from the four IDX files of MNIST; ``mnist.py`` tells what it holds and why.

    python -m microdl.keras.datasets.build_mnist FOLDER [OUTPUT]

prints the SHA-256 to be put into ``mnist.py``. The same zlib gives the same bytes.
"""

import argparse
import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np

from microdl.keras.datasets import idx, mnist


def pack(images):
    """(bits, ink) such that `mnist` can restore ``images``: uint8, (N, H * W / 8) and (nonzero pixels,)."""
    pixels = images.reshape(len(images), -1)  # (N, H, W) -> (N, H * W)
    return np.packbits(pixels != 0, axis=1), pixels[pixels != 0]


def build(folder):
    """The bytes of the packed data set. folder: holds the IDX files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for part, (images, labels) in zip(mnist.PARTS, idx.load_folder(folder), strict=True):
            bits, ink = pack(images)
            for name, array in ((f"{part}_bits", bits), (f"{part}_ink", ink), (f"y_{part}", labels)):
                member = io.BytesIO()
                np.save(member, array)
                # A ZipInfo without a date: the same data give the same bytes on any day.
                archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue(), zipfile.ZIP_DEFLATED, 9)
    return content.getvalue()


def digest(content):
    """The form of SHA-256 that `mnist` compares."""
    return hashlib.sha256(content).hexdigest()


def main():
    parser = argparse.ArgumentParser(description="Packs MNIST's IDX files into one compact .npz file.")
    parser.add_argument("folder", type=Path, help="folder with the four IDX files, plain or gzip")
    parser.add_argument("output", type=Path, nargs="?", default=Path(mnist.__file__).with_name("mnist.npz"))
    arguments = parser.parse_args()
    content = build(arguments.folder)
    arguments.output.write_bytes(content)
    print(f"{arguments.output}: {len(content)} bytes, SHA-256 {digest(content)}")


if __name__ == "__main__":
    main()
