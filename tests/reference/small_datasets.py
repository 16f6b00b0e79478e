"""Small data sets in the files of the published ones, and how loaders are called on them: for tests and for Keras."""

import hashlib
import pickle

import numpy as np

CALLS = {
    "imdb": [{}, {"num_words": 30}, {"num_words": 30, "skip_top": 5, "oov_char": None}, {"maxlen": 12, "seed": 4},
             {"start_char": None}, {"start_char": None, "index_from": 0, "num_words": 20}],
    "reuters": [{}, {"num_words": 25, "test_split": 0.4}, {"maxlen": 14, "seed": 3}, {"oov_char": None, "skip_top": 9}],
    "boston_housing": [{}, {"test_split": 0.5, "seed": 2}],
    "cifar100": [{}, {"label_mode": "coarse"}],
}  # fmt: skip


def write_files(folder, per_batch=4):
    """Writes small data sets into ``folder``, named as Keras names them."""
    rng = np.random.default_rng(7)

    def texts(count):
        return np.array([rng.integers(1, 50, rng.integers(5, 20)).tolist() for _ in range(count)] + [[1, 2]], object)[
            :-1
        ]

    labels = [rng.integers(0, 2, 20), rng.integers(0, 2, 15), rng.integers(0, 46, 30)]
    np.savez(folder / "imdb.npz", x_train=texts(20), y_train=labels[0], x_test=texts(15), y_test=labels[1])
    np.savez(folder / "reuters.npz", x=texts(30), y=labels[2])
    np.savez(folder / "boston_housing.npz", x=rng.normal(size=(20, 13)), y=rng.normal(size=20))
    ten, hundred = folder / "cifar-10-batches-py", folder / "cifar-100-python"
    for place in (ten, hundred):
        place.mkdir()
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        batch = {b"data": _pixels(rng, per_batch), b"labels": rng.integers(0, 10, per_batch).tolist()}
        (ten / name).write_bytes(pickle.dumps(batch, 4))
    for name in ("train", "test"):
        batch = {b"data": _pixels(rng, per_batch), b"fine_labels": rng.integers(0, 100, per_batch).tolist()}
        batch[b"coarse_labels"] = rng.integers(0, 20, per_batch).tolist()
        (hundred / name).write_bytes(pickle.dumps(batch, 4))


def _pixels(rng, count):
    return rng.integers(0, 256, (count, 3072)).astype(np.uint8)


def frozen(result):
    """Of each of the four arrays: dtype, shape, and the elements, or their hash where there are many."""
    rows = []
    for array in (part for pair in result for part in pair):
        if array.dtype == object:
            rows.append(["object", list(array.shape), [list(map(int, text)) for text in array]])
        else:
            elements = array.ravel().tolist() if array.size < 300 else hashlib.sha256(array.tobytes()).hexdigest()
            rows.append([array.dtype.name, list(array.shape), elements])
    return rows
