"""MNIST as packaged against facts published about it, and each way in which a data file can be wrong."""

import gzip
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from microdl.keras.datasets import build_mnist, idx, mnist

TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # images of the digits 0 to 9
TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def encode(array):
    """An IDX file's bytes, written independently of the reader."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, CODES[array.dtype.name], array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write(path, content):
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def digits():
    return mnist.load_data()


def test_mnist_has_keras_shapes_and_dtypes(digits):
    (x_train, y_train), (x_test, y_test) = digits
    assert [a.shape for a in (x_train, y_train, x_test, y_test)] == [
        (60000, 28, 28),
        (60000,),
        (10000, 28, 28),
        (10000,),
    ]
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}


def test_mnist_labels_are_the_published_ones(digits):
    (_, y_train), (_, y_test) = digits
    assert np.bincount(y_train).tolist() == TRAIN_COUNTS
    assert np.bincount(y_test).tolist() == TEST_COUNTS
    assert y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]


def test_mnist_pixels_are_the_published_ones(digits):
    (x_train, _), (x_test, _) = digits
    # The mean and deviation that tutorials normalise with: 0.1307 and 0.3081.
    assert np.round(x_train.mean() / 255, 4) == 0.1307
    assert np.round(x_train.std() / 255, 4) == 0.3081
    assert (x_train.max(), x_test.min()) == (255, 0)


def test_mnist_arrays_may_be_changed_without_touching_the_next_load(digits):
    (changed, _), _ = mnist.load_data()
    changed[:] = 7
    (again, _), _ = mnist.load_data()
    assert np.array_equal(again, digits[0][0])


def test_damaged_package_file_is_refused(tmp_path, monkeypatch):
    content = bytearray(mnist._FILE.read_bytes())
    content[5_000_000] ^= 1
    monkeypatch.setattr(mnist, "_FILE", write(tmp_path / "mnist.npz", content))
    with pytest.raises(ValueError, match=r"mnist.npz is damaged: expected SHA-256 [0-9a-f]{64}, found .*reinstall"):
        mnist.load_data()


def test_cut_package_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "_FILE", write(tmp_path / "mnist.npz", mnist._FILE.read_bytes()[:1000]))
    with pytest.raises(ValueError, match=r"damaged.*\(1000 bytes\).*reinstall"):
        mnist.load_data()


def test_missing_package_file_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "_FILE", tmp_path / "mnist.npz")
    with pytest.raises(FileNotFoundError, match=r"cannot read the package's .*mnist.npz.*reinstall"):
        mnist.load_data()


def test_unknown_path_says_that_nothing_is_downloaded(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"found no file or folder .*never downloads"):
        mnist.load_data(tmp_path / "other.npz")


def test_keras_own_npz_file_is_read(tmp_path):
    arrays = {"x_train": np.ones((3, 28, 28)), "y_train": np.arange(3), "x_test": np.zeros((1, 28, 28)), "y_test": [4]}
    np.savez(tmp_path / "keras.npz", **arrays)
    (x_train, y_train), (x_test, y_test) = mnist.load_data(str(tmp_path / "keras.npz"))
    for name, array in (("x_train", x_train), ("y_train", y_train), ("x_test", x_test), ("y_test", y_test)):
        assert np.array_equal(array, arrays[name])


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut"])
def test_other_files_are_refused(tmp_path, content):
    with pytest.raises(ValueError, match=r"expected .*other.npz to be an .npz file with x_train, y_train"):
        mnist.load_data(write(tmp_path / "other.npz", content))


def test_npz_without_the_arrays_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", x=1)
    with pytest.raises(ValueError, match=r"expected .* to be an .npz file with x_train"):
        mnist.load_data(tmp_path / "other.npz")


@pytest.fixture
def small_folder(tmp_path):
    """A data set of 5 and 2 images under two of the names found in the wild, half of it compressed."""
    random = np.random.default_rng(0)
    for part, count, mark in (("train", 5, "-"), ("t10k", 2, ".")):
        images = random.integers(0, 3, (count, 28, 28)).astype(np.uint8)
        write(tmp_path / f"{part}-images{mark}idx3-ubyte", encode(images))
        write(tmp_path / f"{part}-labels{mark}idx1-ubyte.gz", gzip.compress(encode(np.arange(count, dtype=np.uint8))))
    return tmp_path


def test_folder_of_idx_files_is_read_under_every_usual_name(small_folder):
    (x_train, y_train), (x_test, y_test) = mnist.load_data(small_folder)
    assert (x_train.shape, x_test.shape) == ((5, 28, 28), (2, 28, 28))
    assert (y_train.tolist(), y_test.tolist()) == ([0, 1, 2, 3, 4], [0, 1])


def test_folder_without_a_file_names_what_is_missing(small_folder):
    (small_folder / "t10k-images.idx3-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match=r"expected one of t10k-images-idx3-ubyte, .*found t10k-labels"):
        mnist.load_data(small_folder)


def test_folder_with_labels_of_another_set_is_refused(small_folder):
    write(small_folder / "train-labels-idx1-ubyte.gz", encode(np.zeros(4, np.uint8)))
    with pytest.raises(ValueError, match=r"expected one label per image, found 5 images in .* and 4 labels"):
        mnist.load_data(small_folder)


def test_folder_with_images_in_place_of_labels_is_refused(small_folder):
    write(small_folder / "train-labels-idx1-ubyte.gz", encode(np.zeros((5, 2, 2), np.uint8)))
    with pytest.raises(ValueError, match=r"train-labels-idx1-ubyte.gz: expected 1 axes, found 3 \(shape \(5, 2, 2\)\)"):
        mnist.load_data(small_folder)


def test_build_restores_every_pixel_and_is_reproducible(small_folder, tmp_path, monkeypatch):
    content = build_mnist.build(small_folder)
    assert content == build_mnist.build(small_folder)
    monkeypatch.setattr(mnist, "_FILE", write(tmp_path / "small.npz", content))
    monkeypatch.setattr(mnist, "SHA256", build_mnist.digest(content))
    for built, source in zip(mnist.load_data(), idx.load_folder(small_folder), strict=True):
        assert all(map(np.array_equal, built, source))


def test_packaged_file_is_compact():
    with zipfile.ZipFile(mnist._FILE) as archive:
        assert sum(member.compress_size for member in archive.infolist()) < 10.5e6


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("shape", [(7,), (2, 3), (2, 3, 4), (0, 5)])
def test_idx_reads_every_element_type(tmp_path, shape, dtype, compress):
    array = (np.random.default_rng(1).normal(size=shape) * 100).astype(dtype)
    read = idx.load(write(tmp_path / "x.idx", compress(encode(array))))
    assert (read.dtype, read.shape) == (array.dtype, shape)
    assert read.dtype.isnative
    assert read.flags.writeable
    assert np.array_equal(read, array)


GOOD = encode(np.arange(12, dtype=np.int32).reshape(3, 4))


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected an IDX file, .* found an empty file"),
        (b"\0\0\x08", "expected an IDX file, .* found 00 00 08"),
        (b"\x89PNG" + GOOD, "expected an IDX file, .* found 89 50 4e 47"),
        (
            b"\0\0\x0a\x01" + GOOD[4:],
            "expected an IDX file, which starts with 00 00, an element type .* found 00 00 0a 01",
        ),
        (b"\0\0\x08\0\0", "expected 1 to 64 axes, found 0"),
        (b"\0\0\x08\xff", "expected 1 to 64 axes, found 255"),
        (GOOD[:9], "truncated: expected 2 sizes of 4 bytes in the header, found 5 bytes"),
        (GOOD[:-1], r"truncated: expected 48 bytes of elements \(shape \(3, 4\), int32\), found 47"),
        (GOOD[:12], "truncated: expected 48 bytes of elements .* found 0"),
        (GOOD + b"\0", r"trailing bytes: expected 48 bytes of elements \(shape \(3, 4\), int32\), found more"),
        (b"\0\0\x0e\x03" + b"\xff" * 12 + GOOD, "impossible sizes: the header announces .* than any machine"),
        (b"\0\0\x0e\x03\0\0\0\0" + b"\xff" * 8, "impossible sizes: the header announces 0 bytes"),
        (b"\0\0\x08\x02\0\xff\xff\xff\0\0\x01\0" + GOOD, "truncated: expected 4294967040 bytes of elements"),
    ],
)
def test_idx_refuses_damaged_files(tmp_path, content, message, compress):
    with pytest.raises(ValueError, match=rf"bad\.idx: {message}"):
        idx.load(write(tmp_path / "bad.idx", compress(content)))


def test_idx_refuses_damaged_gzip(tmp_path):
    whole = gzip.compress(encode(np.random.default_rng(2).integers(0, 255, 5000).astype(np.uint8)))
    flipped = whole[:2000] + bytes([whole[2000] ^ 255]) + whole[2001:]
    wrong_sum = whole[:-8] + b"\0\0\0\0" + whole[-4:]
    for content in (whole[:2000], whole[:5], whole[:-2], flipped, wrong_sum, whole + b"junk"):
        with pytest.raises(ValueError, match=r"bad\.gz: expected a whole gzip file, found a damaged or cut one"):
            idx.load(write(tmp_path / "bad.gz", content))


def test_idx_names_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        idx.load(tmp_path / "absent")


@given(
    compress=st.sampled_from([bytes, gzip.compress]),
    changes=st.lists(st.tuples(st.integers(0, 59), st.integers(0, 255)), max_size=4),
    kept=st.integers(0, 100),
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_idx_gives_an_array_or_a_clear_error_for_any_damage(tmp_path, compress, changes, kept):
    content = bytearray(compress(GOOD))
    for place, value in changes:
        content[place % len(content)] = value
    file = write(tmp_path / "damaged.idx", content[:kept])
    try:
        said = idx.load(file).dtype.name
    except ValueError as error:
        said = str(error)
    assert said in CODES or said.startswith(f"{file}: ")
