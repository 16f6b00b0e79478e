"""CIFAR-100: 60,000 colour images of a hundred kinds of things in twenty groups, from local files."""

import numpy as np

from microdl.keras.datasets import cifar

LAYOUT = {
    "python": {
        "places": ("cifar-100-python", "cifar-100-python-target/cifar-100-python", "cifar-100-python.tar.gz"),
        "folder": "cifar-100-python",
        "train": ["train"],
        "test": ["test"],
    },
    "binary": {
        "places": ("cifar-100-binary", "cifar-100-binary.tar.gz"),
        "folder": "cifar-100-binary",
        "train": ["train.bin"],
        "test": ["test.bin"],
        "labels": 2,
    },
}
LABELS = {"fine": ("fine_labels", 1), "coarse": ("coarse_labels", 0)}


def load_data(label_mode="fine"):
    """Loads CIFAR-100 from the folder that Keras made of it, from the archive, or from the binary version.

    It is looked for in ``MICRODL_DATA_DIR``, then in ``~/.keras/datasets``.

    Args: label_mode: "fine" for the 100 kinds, "coarse" for the 20 groups.
    Returns: ``(x_train, y_train), (x_test, y_test)``. Images are uint8, (50000, 32, 32, 3) and (10000, 32, 32, 3);
        labels are int64, (50000, 1) and (10000, 1).
    Raises: FileNotFoundError that says which file belongs where. ValueError if one is damaged, or for another mode.
    """
    if label_mode not in LABELS:
        raise ValueError(f"cifar100.load_data: label_mode must be 'fine' or 'coarse', got {label_mode!r}")
    train, test = cifar.load("cifar100.load_data", LAYOUT, LABELS[label_mode])
    return tuple((images, labels.reshape(-1, 1).astype(np.int64)) for images, labels in (train, test))
