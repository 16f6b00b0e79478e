"""Helpers of keras.utils, keras.config and keras.backend, with the values that Keras 3.15 gives."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

import microdl as tf
from microdl import keras
from microdl.keras import activations, backend as K, initializers, utils


def listed(dataset):
    return [[leaf.numpy().tolist() for leaf in tf.nest.flatten(element)] for element in dataset]


def test_normalize():
    np.testing.assert_allclose(utils.normalize([[3.0, 4.0], [0, 0]]), [[0.6, 0.8], [0, 0]])
    np.testing.assert_allclose(utils.normalize([[3.0, 4.0], [1, 1]], axis=0, order=1), [[0.75, 0.8], [0.25, 0.2]])


@pytest.mark.parametrize(
    ("sequences", "options", "expected"),
    [
        ([[1], [2, 3], [4, 5, 6]], {"maxlen": 2}, [[0, 1], [2, 3], [5, 6]]),
        ([[1], [2, 3], [4, 5, 6]], {"padding": "post", "value": 9}, [[1, 9, 9], [2, 3, 9], [4, 5, 6]]),
        ([[1, 2, 3], [4]], {"maxlen": 2, "truncating": "post", "dtype": "float32"}, [[1, 2], [0, 4]]),
        ([[], [1]], {}, [[0], [1]]),
    ],
)
def test_pad_sequences(sequences, options, expected):
    padded = utils.pad_sequences(sequences, **options)
    assert padded.tolist() == expected
    assert padded.dtype == options.get("dtype", "int32")


def test_windows_of_a_series():
    data = np.arange(10)
    windows = utils.timeseries_dataset_from_array(data, data * 10, 3, 2, sampling_rate=2, batch_size=2)
    assert listed(windows) == [[[[0, 2, 4], [2, 4, 6]], [0, 20]], [[[4, 6, 8]], [40]]]
    single = utils.timeseries_dataset_from_array(data[:8], None, 4, start_index=1, end_index=7, batch_size=None)
    assert listed(single) == [[[1, 2, 3, 4]], [[2, 3, 4, 5]], [[3, 4, 5, 6]]]
    fewer = utils.timeseries_dataset_from_array(data[:8], data[:3], 4)
    assert listed(fewer) == [[[[0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5]], [0, 1, 2]]]
    shuffled = utils.timeseries_dataset_from_array(data, data, 3, batch_size=None, shuffle=True, seed=1)
    assert sorted(target for _, target in listed(shuffled)) == list(range(8))


@pytest.mark.parametrize(("left", "right", "sizes"), [(0.7, None, (7, 3)), (3, 4, (3, 4)), (None, 0.2, (8, 2))])
def test_a_dataset_is_split_in_two(left, right, sizes):
    first, last = utils.split_dataset((np.arange(10), np.arange(10) * 2), left, right)
    assert [x for x, _ in listed(first)] == list(range(sizes[0]))
    assert listed(last) == [[x, 2 * x] for x in range(10 - sizes[1], 10)]
    again, _ = utils.split_dataset(tf.data.Dataset.range(10), left, right, shuffle=True, seed=3)
    assert len({x for (x,) in listed(again)}) == sizes[0]


def test_a_local_file_is_copied_and_unpacked(tmp_path):
    source = tmp_path / "words.txt"
    source.write_text("one two")
    cache = {"cache_dir": tmp_path / "cache"}
    path = utils.get_file("w.txt", source.as_uri(), md5_hash="aae2c33a105ad3f28f39402d67a24b20", **cache)
    assert path == str(tmp_path / "cache" / "datasets" / "w.txt")
    assert Path(path).read_text() == "one two"
    assert utils.get_file("w.txt", "https://example.org/w.txt", **cache) == path  # it is there
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(source, "inside/words.txt")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(source, "inside/words.txt")
    for name in ("a.zip", "a.tar.gz"):
        folder = utils.get_file(origin=str(tmp_path / name), extract=True, **cache)
        assert Path(folder, "inside", "words.txt").read_text() == "one two"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "get_file: `origin` must be given"),
        (
            {"origin": "https://example.org/a.npz"},
            "get_file: nothing is downloaded here; fetch https://example.org/a.n",
        ),
        ({"origin": __file__, "file_hash": "0" * 64}, "get_file: "),
        ({"origin": __file__, "extract": True}, "get_file: "),
    ],
)
def test_files_that_cannot_be_had(arguments, message, tmp_path):
    with pytest.raises(ValueError) as raised:
        utils.get_file(cache_dir=tmp_path, **arguments)
    assert str(raised.value).startswith(message)


def test_images_there_and_back(tmp_path):
    pytest.importorskip("PIL", reason="the extra images is not installed")
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3)).astype(np.uint8)
    pixels[0, 0], pixels[0, 1] = 0, 255  # scaling changes nothing
    utils.save_img(tmp_path / "a.png", pixels)
    image = utils.load_img(tmp_path / "a.png")
    array = utils.img_to_array(image)
    assert (array.dtype, array.shape) == (np.float32, (4, 6, 3))
    np.testing.assert_array_equal(array, pixels)
    assert utils.img_to_array(image, "channels_first").shape == (3, 4, 6)
    gray = utils.load_img(tmp_path / "a.png", "grayscale", target_size=(2, 2), keep_aspect_ratio=True)
    assert utils.img_to_array(gray).shape == (2, 2, 1)
    assert utils.array_to_img(np.zeros((2, 3, 1))).size == (3, 2)


def test_a_bar_for_loops_of_ones_own(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    bar = utils.Progbar(3, verbose=2, stateful_metrics=["rate"])
    for i in range(3):
        bar.add(1, [("loss", float(i)), ("rate", float(i))])
    assert stream.getvalue().startswith("3/3 - ")
    assert stream.getvalue().endswith(" - loss: 1.0000 - rate: 2.0000\n")


def test_batches_are_packed_and_unpacked():
    for batch in ((1, 2, 3), (1, 2)):
        assert utils.pack_x_y_sample_weight(*utils.unpack_x_y_sample_weight(batch)) == batch
    assert utils.unpack_x_y_sample_weight(5) == (5, None, None)
    assert utils.standardize_dtype(tf.int32) == "int32"


def test_settings_have_one_value():
    assert keras.config.floatx() == K.floatx() == "float32"
    keras.config.set_floatx("float32")
    K.set_image_data_format("channels_last")
    for refused in (lambda: K.set_floatx("float16"), lambda: keras.config.set_image_data_format("channels_first")):
        with pytest.raises(ValueError, match="is the only value in microdl"):
            refused()


def test_names_of_the_old_backend():
    x = K.constant([[1.0, 2.0], [3.0, 5.0]])
    assert K.get_value(K.sum(x, axis=0)).tolist() == [4, 7]
    assert K.get_value(K.mean(x > 1.0)).tolist() == 0.75
    assert K.get_value(K.std(x, axis=1)).tolist() == [0.5, 1]
    assert K.get_value(K.clip(x, 2, None)).tolist() == [[2, 2], [3, 5]]
    assert K.int_shape(K.dot(K.ones((2, 3, 4)), K.ones((5, 4, 6)))) == (2, 3, 5, 6)
    assert K.get_value(K.switch(x > 2.0, x, lambda: -x)).tolist() == [[-1, -2], [3, 5]]
    assert K.get_value(K.switch(K.all(x), lambda: x, 0 * x)).tolist() == [[1, 2], [3, 5]]
    assert K.int_shape(K.batch_flatten(K.zeros((2, 3, 4)))) == (2, 12)
    assert (K.ndim(x), K.dtype(x), K.get_uid("a"), K.get_uid("a")) == (2, "float32", 1, 2)
    state = K.variable([1.0, 2.0])
    K.update_add(state, [1.0, 1.0])
    K.set_value(state, K.get_value(state) * 2)
    assert K.get_value(state).tolist() == [4, 6]
    np.testing.assert_allclose(K.binary_crossentropy(K.constant([1.0]), K.constant([0.5])), [np.log(2)], rtol=1e-6)


def test_sparsemax_is_the_nearest_point_of_the_simplex():
    x = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    y = activations.sparsemax(x).numpy()
    np.testing.assert_allclose(y.sum(1), 1, rtol=1e-6)
    assert (y >= 0).all()
    tau = (x - y)[y > 0].reshape(-1)
    rows = np.nonzero(y > 0)[0]
    for row in range(50):  # what is kept is shifted by one number, and nothing else lies above it
        np.testing.assert_allclose(tau[rows == row], tau[rows == row][0], rtol=1e-5, atol=1e-6)
        assert (x[row][y[row] == 0] <= tau[rows == row][0] + 1e-6).all()


def test_identity_initializer():
    assert initializers.get("identity")((2, 3)).numpy().tolist() == [[1, 0, 0], [0, 1, 0]]
    assert initializers.Identity(gain=2.0).get_config() == {"gain": 2.0}
    with pytest.raises(ValueError, match="Identity: a shape of two axes is needed"):
        initializers.Identity()((2,))
