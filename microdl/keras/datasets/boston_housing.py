"""Boston housing: 506 districts of Boston in the 1970s and their house prices, from a local file.

One of its columns was built on an assumption about race; it is here for old examples that use it.
Source: Harrison and Rubinfeld, "Hedonic Housing Prices and the Demand for Clean Air", 1978.
"""

import numpy as np

from microdl.keras.datasets import sequences


def load_data(path="boston_housing.npz", test_split=0.2, seed=113):
    """Loads the districts from Keras's file ``boston_housing.npz``, in ``MICRODL_DATA_DIR`` or ``~/.keras/datasets``.

    Args: path: str, relative to those folders or absolute. test_split: in [0, 1), the fraction that is for testing.
        seed: of the random order.
    Returns: ``(x_train, y_train), (x_test, y_test)``: float64, (404, 13) and (102, 13), prices in thousands of dollars.
    Raises: FileNotFoundError that says which file belongs where. ValueError if it is damaged, or for another split.
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"boston_housing.load_data: test_split is a fraction in [0, 1), got {test_split}")
    x, y = sequences.load("boston_housing.load_data", path, ["x", "y"])
    x, y = sequences.shuffled(np.random.RandomState(seed), x, y)
    count = int(len(x) * (1 - test_split))
    return (x[:count], y[:count]), (x[count:], y[count:])
