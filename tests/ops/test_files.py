"""``tf.io``: strings of bytes as numbers, files as tensors, and files and folders by TensorFlow's names."""

import numpy as np
import pytest

import microdl as tf

gfile = tf.io.gfile
errors = tf.errors


@pytest.mark.parametrize(
    ("given", "out_type", "options", "expected"),
    [  # as TensorFlow gives them
        ([b"\x01\x02\x03\x04", b"abcd"], "int16", {}, [[513, 1027], [25185, 25699]]),
        (b"abcd", "int16", {"little_endian": False}, [24930, 25444]),
        ([b"abc", b"a"], "uint8", {"fixed_length": 4}, [[97, 98, 99, 0], [97, 0, 0, 0]]),
        ([b"abcdef"], "int16", {"fixed_length": 4}, [[25185, 25699]]),
        (b"\0\1\2", "bool", {}, [False, True, True]),
        (np.float64(2.5).tobytes(), "float64", {}, [2.5]),
        (b"", "float32", {}, []),
    ],
)
def test_decode_raw(given, out_type, options, expected):
    result = tf.io.decode_raw(given, out_type, **options)
    assert result.dtype == out_type
    np.testing.assert_array_equal(result.numpy(), expected)


@pytest.mark.parametrize(
    ("given", "out_type", "options", "error", "message"),
    [
        (b"abc", "int16", {}, errors.InvalidArgumentError, "length 3 that is not a multiple of 2, the size of int16"),
        ([b"abc", b"a"], "uint8", {}, errors.InvalidArgumentError, "same size, but element 1 has size 3 != 1"),
        (b"abcd", "int16", {"fixed_length": 3}, errors.InvalidArgumentError, r"fixed_length \(3\) must be a multiple"),
        (b"abcd", "string", {}, TypeError, "must be a dtype of numbers, or bool, got string"),
        (3, "uint8", {}, TypeError, "string"),
    ],
)
def test_decode_raw_refuses(given, out_type, options, error, message):
    with pytest.raises(error, match=message):
        tf.io.decode_raw(given, out_type, **options)


def test_files_are_written_and_read(tmp_path):
    path = tmp_path / "new" / "folder" / "file"
    assert tf.io.write_file(str(path), "hé") is None
    assert tf.io.read_file(path).numpy() == "hé".encode()
    with pytest.raises(errors.NotFoundError, match="no; No such file or directory"):
        tf.io.read_file(str(tmp_path / "no"))
    with pytest.raises(FileNotFoundError):
        tf.io.read_file(str(tmp_path / "no"))
    with pytest.raises(errors.FailedPreconditionError, match="Is a directory"):
        tf.io.read_file(str(tmp_path))
    with pytest.raises(errors.InvalidArgumentError, match=r"a single string is expected, got string, shape \(2,\)"):
        tf.io.read_file(["a", "b"])


def test_a_function_reads_a_file_whenever_it_runs(tmp_path):
    path = tmp_path / "file"

    @tf.function
    def again(name):
        contents = tf.io.read_file(name)
        tf.io.write_file(name, tf.strings.join([contents, "!"]))
        return contents

    path.write_text("a")
    assert [again(tf.constant(str(path))).numpy() for _ in range(3)] == [b"a", b"a!", b"a!!"]


def test_a_pipeline_reads_files(tmp_path):
    for name, byte in (("b", 2), ("a", 1), ("c.txt", 3)):
        (tmp_path / name).write_bytes(bytes([byte] * 3))
    dataset = tf.data.Dataset.list_files(str(tmp_path / "?"), shuffle=False)
    numbers = dataset.map(lambda path: tf.io.decode_raw(tf.io.read_file(path), tf.uint8)).batch(2)
    assert next(numbers.as_numpy_iterator()).tolist() == [[1, 1, 1], [2, 2, 2]]
    tf.random.set_seed(1)
    shuffled = tf.data.Dataset.list_files([str(tmp_path / "?"), str(tmp_path / "*.txt")])
    assert len(shuffled) == 3
    with pytest.raises(errors.InvalidArgumentError, match="No files matched pattern"):
        tf.data.Dataset.list_files(str(tmp_path / "no*"))
    found = tf.io.matching_files(str(tmp_path / "*"))
    assert found.numpy().tolist() == [str(tmp_path / name).encode() for name in ("a", "b", "c.txt")]


def test_pictures_are_left_out_with_a_way_out():
    with pytest.raises(AttributeError, match=r"tf.io.decode_png: microdl does not read or write pictures .*Pillow"):
        tf.io.decode_png  # noqa: B018
    with pytest.raises(AttributeError, match="'parse_example' is not in microdl yet"):
        tf.io.parse_example  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean 'read_file'"):
        tf.io.read_fil  # noqa: B018


def test_folders(tmp_path):
    root = str(tmp_path)
    gfile.makedirs(gfile.join(root, "a", "b"))
    gfile.makedirs(gfile.join(root, "a", "b"))
    gfile.mkdir(f"{root}/a")
    (tmp_path / "a" / "b" / "c").write_text("xyz")
    (tmp_path / "z").write_text("")
    assert gfile.listdir(root) == ["a", "z"]
    assert gfile.isdir(root)
    assert not gfile.isdir(f"{root}/z")
    assert gfile.exists(f"{root}/z")
    assert gfile.exists(tf.constant(f"{root}/z"))
    assert gfile.exists(f"file://{root}/z")
    assert not gfile.exists(f"{root}/y")
    assert gfile.glob(f"{root}/a/*/c") == [f"{root}/a/b/c"]
    assert gfile.glob([f"{root}/z", f"{root}/a/*", f"{root}/no*"]) == [f"{root}/z", f"{root}/a/b"]
    steps = [(root, ["a"], ["z"]), (f"{root}/a", ["b"], []), (f"{root}/a/b", [], ["c"])]
    assert list(gfile.walk(root)) == steps
    assert list(gfile.walk(root, topdown=False)) == steps[::-1]
    assert list(gfile.walk(f"{root}/no")) == []
    assert gfile.stat(f"{root}/a/b/c").length == 3
    assert gfile.stat(root).is_directory
    gfile.rmtree(f"{root}/a")
    assert gfile.listdir(root) == ["z"]


def test_files_are_copied_renamed_and_removed(tmp_path):
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    (tmp_path / "first").write_text("1")
    gfile.copy(first, second)
    for move in (gfile.copy, gfile.rename):
        with pytest.raises(errors.AlreadyExistsError, match="file already exists; overwrite=True replaces it"):
            move(first, second)
        move(first, second, overwrite=True)
    assert gfile.listdir(str(tmp_path)) == ["second"]
    gfile.remove(second)
    assert gfile.listdir(str(tmp_path)) == []


@pytest.mark.parametrize(
    ("do", "error"),
    [
        (lambda root: gfile.listdir(f"{root}/no"), errors.NotFoundError),
        (lambda root: gfile.mkdir(f"{root}/no/no"), errors.NotFoundError),
        (lambda root: gfile.remove(f"{root}/no"), errors.NotFoundError),
        (lambda root: gfile.remove(root), errors.FailedPreconditionError),
        (lambda root: gfile.rmtree(f"{root}/no"), errors.NotFoundError),
        (lambda root: gfile.stat(f"{root}/no"), errors.NotFoundError),
        (lambda root: gfile.copy(f"{root}/no", f"{root}/new"), errors.NotFoundError),
        (lambda root: gfile.GFile(f"{root}/no").read(), errors.NotFoundError),
        (lambda root: gfile.GFile(f"{root}/file", "z"), errors.InvalidArgumentError),
        (lambda root: gfile.GFile(f"{root}/file", "r").write("x"), errors.PermissionDeniedError),
        (lambda root: gfile.GFile(f"{root}/file", "w").read(), errors.PermissionDeniedError),
        (lambda root: gfile.makedirs(f"{root}/file"), errors.AlreadyExistsError),
        (lambda root: gfile.exists("gs://bucket/file"), errors.UnimplementedError),
    ],
)
def test_errors_are_tensorflows(tmp_path, do, error):
    (tmp_path / "file").write_text("")
    with pytest.raises(error):
        do(str(tmp_path))


def test_a_file_is_read_and_written_piece_by_piece(tmp_path):
    path = str(tmp_path / "file")
    with gfile.GFile(path, "w") as file:
        file.write("a\nbé\n")
        assert file.tell() == 6
        assert file.size() == 6
    with gfile.GFile(path) as file:
        assert file.read(2) == "a\n"
        assert file.readline() == "bé\n"
        assert file.readlines() == []
        file.seek(0)
        assert list(file) == ["a\n", "bé\n"]
        assert file.seekable()
    with gfile.GFile(path, "rb") as file:
        file.seek(-2, 2)
        assert file.read() == b"\xa9\n"
    with gfile.GFile(path, "a") as file:
        file.write(b"c")
    with gfile.GFile(path, "r+") as file:
        file.write("A")
        file.seek(0)
        assert file.read() == "A\nbé\nc"
