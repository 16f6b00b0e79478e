"""Data sets from local files: what Keras makes of the same files, where they are looked for, and what is refused."""

import gzip
import io
import json
import os
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from microdl.keras import datasets
from microdl.keras.datasets import pickles
from tests.reference.small_datasets import frozen, write_files

FROZEN = json.loads((Path(__file__).parents[1] / "reference" / "keras_datasets.json").read_text())
CALLS = [(name, *call) for name, calls in FROZEN.items() if name != "versions" for call in calls]
LOADERS = [
    datasets.boston_housing.load_data,
    datasets.cifar10.load_data,
    datasets.cifar100.load_data,
    datasets.fashion_mnist.load_data,
    datasets.imdb.load_data,
    datasets.imdb.get_word_index,
    datasets.reuters.load_data,
    datasets.reuters.get_word_index,
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets")
    write_files(folder)
    return folder


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.setenv("MICRODL_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.setenv("MICRODL_DATA_DIR", str(tmp_path / "own"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


@pytest.mark.parametrize(("name", "arguments", "expected"), CALLS)
def test_loaders_give_what_keras_gives(here, name, arguments, expected):
    result = getattr(datasets, name).load_data(**arguments)
    assert json.loads(json.dumps(frozen(result))) == expected


@pytest.mark.parametrize("load", LOADERS, ids=lambda load: f"{load.__module__.rpartition('.')[2]}.{load.__name__}")
def test_a_missing_file_is_named_with_its_place(empty, load):
    with pytest.raises(FileNotFoundError, match=r"never downloads data. Get it from https://") as error:
        load()
    assert str(empty) in str(error.value)
    assert str(empty.parent / "keras" / "datasets") in str(error.value)
    assert "MICRODL_DATA_DIR can name another folder" in str(error.value)


def test_the_folder_of_keras_is_looked_into(folder, empty):
    os.symlink(folder, empty.parent / "linked")
    (empty.parent / "keras").mkdir()
    os.symlink(folder, empty.parent / "keras" / "datasets")
    (_, y), _ = datasets.boston_housing.load_data()
    assert y.shape == (16,)


def test_a_path_of_ones_own_wins(folder, empty):
    (x, _), _ = datasets.boston_housing.load_data(path=folder / "boston_housing.npz")
    assert x.shape == (16, 13)


def test_cifar10_in_all_forms(here, empty, monkeypatch):
    (x_train, y_train), (x_test, y_test) = expected = _loaded(here, monkeypatch)
    assert x_train.shape == (20, 32, 32, 3)
    assert y_train.shape == (20, 1)
    assert x_train.dtype == y_train.dtype == x_test.dtype == y_test.dtype == np.uint8
    first = pickle.loads((here / "cifar-10-batches-py" / "data_batch_1").read_bytes())
    np.testing.assert_array_equal(x_train[0, :, :, 2].ravel(), first[b"data"][0, 2048:])
    with tarfile.open(empty / "cifar-10-python.tar.gz", "w:gz") as archive:
        archive.add(here / "cifar-10-batches-py", "cifar-10-batches-py")
    _assert_same(_loaded(empty, monkeypatch), expected)
    (empty / "cifar-10-python.tar.gz").unlink()
    binary = empty / "cifar-10-batches-bin"
    binary.mkdir()
    for file in (here / "cifar-10-batches-py").iterdir():
        batch = pickle.loads(file.read_bytes())
        rows = np.column_stack([np.array(batch[b"labels"], np.uint8), batch[b"data"]])
        (binary / f"{file.name}.bin").write_bytes(rows.tobytes())
    _assert_same(_loaded(empty, monkeypatch), expected)


def _loaded(folder, monkeypatch):
    monkeypatch.setenv("MICRODL_DATA_DIR", str(folder))
    return datasets.cifar10.load_data()


def _assert_same(result, expected):
    for pair, other in zip(result, expected, strict=True):
        for array, reference in zip(pair, other, strict=True):
            np.testing.assert_array_equal(array, reference)


def test_cifar_as_python_2_pickled_it(empty):
    """The published files: strings of bytes, and NumPy's modules by their old names."""
    rows = np.random.default_rng(0).integers(0, 256, (2, 3072)).astype(np.uint8)
    raw = rows.tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01(K\x02M\x00\x0ct"
        b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + struct.pack("<i", len(raw)) + raw + b"tb"
    )  # fmt: skip
    content = b"\x80\x02}(U\x04data" + array + b"U\x06labels](K\x03K\x07eu."
    place = empty / "cifar-10-batches-py"
    place.mkdir()
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        (place / name).write_bytes(content)
    _, (images, labels) = datasets.cifar10.load_data()
    assert labels.ravel().tolist() == [3, 7]
    np.testing.assert_array_equal(images.transpose(0, 3, 1, 2).reshape(2, -1), rows)


def test_damaged_cifar_files_are_named(here, empty):
    place = empty / "cifar-10-batches-py"
    place.mkdir()
    with pytest.raises(FileNotFoundError, match=r"cifar-10-batches-py lacks the file data_batch_1"):
        datasets.cifar10.load_data()
    for file in (here / "cifar-10-batches-py").iterdir():
        (place / file.name).write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"expected .*data_batch_1 to be a pickle with data and labels"):
        datasets.cifar10.load_data()
    place = empty / "cifar-100-binary"
    place.mkdir()
    (place / "train.bin").write_bytes(b"1234")
    with pytest.raises(ValueError, match=r"train.bin to hold rows of 3074 bytes, found 4 bytes"):
        datasets.cifar100.load_data()
    (place / "train.bin").unlink()
    place.rmdir()
    (empty / "cifar-100-python.tar.gz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="to be a whole archive with cifar-100-python/train"):
        datasets.cifar100.load_data()


def test_pickles_run_no_code(tmp_path, empty):
    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "was here"),)

    harmful = np.empty(1, object)
    harmful[0] = Harmful()
    np.savez(empty / "reuters.npz", x=harmful, y=np.zeros(1, np.int64))
    with pytest.raises(ValueError, match=r"the file asks for \w+.mkdir, but only arrays and plain data are read"):
        datasets.reuters.load_data()
    with pytest.raises(pickle.UnpicklingError, match=r"asks for builtins.eval"):
        pickles.load(io.BytesIO(b"cbuiltins\neval\n(V1\ntR."))
    assert not (tmp_path / "was here").exists()


def test_damaged_npz_files_are_named(empty):
    (empty / "imdb.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"imdb.load_data: expected .*imdb.npz to be an .npz file with x_train, "):
        datasets.imdb.load_data()
    np.savez(empty / "reuters.npz", x=np.zeros(3))
    with pytest.raises(ValueError, match=r"reuters.npz to be an .npz file with x, y: .*y.npy"):
        datasets.reuters.load_data()


def test_nothing_is_left_of_long_texts(here):
    with pytest.raises(ValueError, match=r"imdb.load_data: no text is shorter than maxlen=2; increase maxlen"):
        datasets.imdb.load_data(maxlen=2)
    with pytest.raises(ValueError, match="label_mode must be 'fine' or 'coarse', got 'middle'"):
        datasets.cifar100.load_data("middle")
    with pytest.raises(ValueError, match=r"a fraction in \[0, 1\), got 1.5"):
        datasets.boston_housing.load_data(test_split=1.5)


def test_word_indices(empty):
    (empty / "imdb_word_index.json").write_text('{"the": 1, "é": 2}', encoding="utf-8")
    assert datasets.imdb.get_word_index() == {"the": 1, "é": 2}
    (empty / "reuters_word_index.json").write_text("{")
    with pytest.raises(ValueError, match=r"reuters_word_index.json to be a JSON file"):
        datasets.reuters.get_word_index()


def test_fashion_mnist_is_read_from_idx_files(empty):
    images, labels = np.arange(2 * 28 * 28).astype(np.uint8).reshape(2, 28, 28), np.array([9, 2], np.uint8)
    place = empty / "fashion-mnist"
    place.mkdir()
    for part in ("train", "t10k"):
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            (place / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(header + array.tobytes()))
    (x, y), _ = datasets.fashion_mnist.load_data()
    np.testing.assert_array_equal(x, images)
    assert y.tolist() == [9, 2]
