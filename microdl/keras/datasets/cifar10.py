"""CIFAR-10: 60,000 colour images of ten kinds of things, from local files."""

from microdl.keras.datasets import cifar

LAYOUT = {
    "python": {
        "places": (
            "cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py", "cifar-10-python.tar.gz",
            "cifar-10-batches-py.tar.gz",
        ),
        "folder": "cifar-10-batches-py",
        "train": [f"data_batch_{i}" for i in range(1, 6)],
        "test": ["test_batch"],
    },
    "binary": {
        "places": ("cifar-10-batches-bin", "cifar-10-binary.tar.gz"),
        "folder": "cifar-10-batches-bin",
        "train": [f"data_batch_{i}.bin" for i in range(1, 6)],
        "test": ["test_batch.bin"],
        "labels": 1,
    },
}  # fmt: skip


def load_data():
    """Loads CIFAR-10 from the folder that Keras made of it, from the archive, or from the binary version.

    It is looked for in ``MICRODL_DATA_DIR``, then in ``~/.keras/datasets``.

    Returns: ``(x_train, y_train), (x_test, y_test)``. Images are uint8, (50000, 32, 32, 3) and (10000, 32, 32, 3);
        labels are uint8, (50000, 1) and (10000, 1): airplane, automobile, bird, cat, deer, dog, frog, horse, ship and
        truck.
    Raises: FileNotFoundError that says which file belongs where. ValueError if one is damaged.
    """
    train, test = cifar.load("cifar10.load_data", LAYOUT, ("labels", 0))
    return (train[0], train[1].reshape(-1, 1)), (test[0], test[1].reshape(-1, 1))
