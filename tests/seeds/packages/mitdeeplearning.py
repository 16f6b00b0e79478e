"""What the lab's documents use of the course's own package: the check of the layer that a reader has written."""

import numpy as np

# sigmoid(x W + b) for x = [[1, 2]], by the way in which the edition of the lab seeds the weights.
BY_SEED = ([[0.26978594, 0.45750415, 0.66536945]], [[0.27064407, 0.1826951, 0.50374055]])


def test_custom_dense_layer_output(y):
    """Compares to 7 decimals with the edition of 2020 (tf.random.set_seed) and the later one (set_random_seed)."""
    assert tuple(y.shape) == (1, 3), f"the output has shape {y.shape}, not (1, 3)"
    difference = min(np.abs(y.numpy() - np.float32(expected)).max() for expected in BY_SEED)
    assert difference < 1.5e-7, f"the output is {y.numpy()}"
    return True
