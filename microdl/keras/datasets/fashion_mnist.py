"""Fashion-MNIST: 70,000 pictures of clothes in MNIST's format, from local files.

Source: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms",
2017; github.com/zalandoresearch/fashion-mnist, MIT licence.
"""

from microdl.keras.datasets import files, idx

SOURCE = "https://github.com/zalandoresearch/fashion-mnist"


def load_data():
    """Loads Fashion-MNIST from the folder ``fashion-mnist``, which holds its four IDX files, plain or gzip.

    It is looked for in ``MICRODL_DATA_DIR``, then in ``~/.keras/datasets``, where Keras puts it.

    Returns: ``(x_train, y_train), (x_test, y_test)``. Images are uint8, (60000, 28, 28) and (10000, 28, 28); labels are
        uint8, (60000,) and (10000,): T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot.
    Raises: FileNotFoundError that says which files belong where. ValueError if one is damaged.
    """
    return idx.load_folder(files.find("fashion_mnist.load_data", ["fashion-mnist"], SOURCE))
