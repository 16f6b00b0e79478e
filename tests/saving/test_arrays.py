"""Files of named arrays: what comes back, and what is noticed when they are damaged."""

import json
import os

import numpy as np
import pytest
import safetensors.numpy

from microdl.core.errors import DataLossError
from microdl.saving import atomic, safetensors as own
from microdl.saving.arrays import read_arrays, write_arrays
from microdl.saving.checksum import checksum_of_text

ENDINGS = [".npz", ".safetensors"]


@pytest.fixture
def arrays(rng):
    return {
        "layers/0/kernel": rng.normal(size=(120, 40)).astype(np.float32),
        "layers/0/bias": rng.normal(size=40).astype(np.float16),
        "transposed": rng.integers(0, 9, (3, 5)).T,
        "scalar": np.float64(3.5),
        "empty": np.zeros((0, 3), np.int32),
        "flags": np.array([True, False]),
        "big": np.arange(4, dtype=">u8"),
        "größe": np.uint8([1, 2]),
    }


@pytest.fixture(params=ENDINGS)
def path(request, tmp_path):
    return tmp_path / f"weights{request.param}"


def test_arrays_come_back(path, arrays):
    write_arrays(path, arrays, {"step": "7"})
    found, metadata = read_arrays(path)
    assert metadata == {"step": "7"}
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert np.array_equal(found[name], array), name
        assert (found[name].dtype, found[name].shape) == (np.asarray(array).dtype.newbyteorder("="), np.shape(array))
        assert found[name].flags.writeable


def test_no_arrays_are_arrays_too(path):
    write_arrays(path, {})
    assert read_arrays(path) == ({}, {})


def test_other_programs_read_the_files(tmp_path, arrays):
    write_arrays(tmp_path / "w.safetensors", arrays)
    found = safetensors.numpy.load_file(tmp_path / "w.safetensors")
    assert all(np.array_equal(found[name], array) for name, array in arrays.items())
    write_arrays(tmp_path / "w.npz", arrays)
    with np.load(tmp_path / "w.npz", allow_pickle=False) as found:
        assert all(np.array_equal(found[name], array) for name, array in arrays.items())


def test_files_of_other_programs_are_read(tmp_path, arrays):
    path = tmp_path / "w.safetensors"
    plain = {name: np.array(x, np.asarray(x).dtype.newbyteorder("="), order="C") for name, x in arrays.items()}
    safetensors.numpy.save_file(plain, path, {"format": "np", "made": "elsewhere"})
    found, metadata = read_arrays(path)
    assert metadata == {"format": "np", "made": "elsewhere"}
    for name, array in plain.items():
        assert np.array_equal(found[name], array), name
        assert (found[name].dtype, found[name].flags.writeable) == (array.dtype, True)
    safetensors.numpy.save_file(plain, path)
    assert read_arrays(path)[1] == {}
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(
        DataLossError, match=r"w\.safetensors is damaged: it ends after \d+ bytes, within variable 'größe'"
    ):
        read_arrays(path)
    with pytest.raises(DataLossError, match="has no __metadata__: it was not written by microdl"):
        own.read(path, "restore")  # a checkpoint of microdl's has checksums


def test_values_lie_where_they_can_be_mapped(tmp_path, arrays):
    write_arrays(tmp_path / "w.safetensors", arrays)
    content = (tmp_path / "w.safetensors").read_bytes()
    size = int.from_bytes(content[:8], "little")
    table = json.loads(content[8 : 8 + size])
    assert size % 8 == 0
    del table["__metadata__"]
    assert all(entry["data_offsets"][0] % np.asarray(arrays[name]).itemsize == 0 for name, entry in table.items())


def test_a_file_cut_at_any_4_kb_is_noticed_and_the_variable_named(path, arrays):
    write_arrays(path, arrays)
    content = path.read_bytes()
    for size in range(0, len(content), 4096):
        path.write_bytes(content[:size])
        with pytest.raises(DataLossError) as raised:
            read_arrays(path, "load_weights")
        assert f"load_weights: {path} is damaged" in str(raised.value)
        if size:
            assert "within" in str(raised.value)
            assert any(repr(name) in str(raised.value) for name in arrays)


def test_a_flipped_bit_changes_nothing_or_is_noticed(path, arrays, rng):
    write_arrays(path, arrays, {"step": "7"})
    content = path.read_bytes()
    unnoticed, messages = 0, set()
    for position in [*rng.integers(0, 8 * len(content), 300), *rng.integers(0, 8 * 800, 300)]:
        damaged = bytearray(content)
        damaged[position // 8] ^= 1 << (position % 8)
        path.write_bytes(damaged)
        try:
            found, metadata = read_arrays(path)
        except DataLossError as error:
            messages.add(str(path) in str(error))
        else:  # a date in a zip header, say
            unnoticed += 1
            assert metadata == {"step": "7"}
            assert found.keys() == arrays.keys()
            assert all(np.array_equal(found[name], array) for name, array in arrays.items())
    assert messages == {True}
    assert unnoticed == 0 or path.suffix == ".npz"


def test_the_variable_with_a_flipped_bit_is_named(path, arrays):
    write_arrays(path, arrays)
    content = bytearray(path.read_bytes())
    content[content.index(arrays["layers/0/kernel"].tobytes()) + 9] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataLossError, match="variable 'layers/0/kernel'"):
        read_arrays(path)


def table_of(path):
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]), content[8 + size :]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.pop("a"), r"variable 'b' has bytes 8 to 16"),
        (lambda table: table["a"].update(shape=[3]), r"variable 'a' has bytes 0 to 8 for \(3,\)"),
        (lambda table: table["a"].update(shape=[1, 2]), "variable 'a' does not have the checksum"),
        (lambda table: table["a"].update(dtype="F8"), "dtype 'F8' is not known"),
        (lambda table: table["a"].update(shape=[-1]), "whole numbers"),
        (lambda table: table["a"].pop("dtype"), "unreadable"),
        (lambda table: table.pop("b"), "it has .* bytes, its variables end at"),
        (lambda table: table["__metadata__"].pop("checksums"), "has no checksums: it was not written by microdl"),
        (lambda table: table["__metadata__"].update(extra="x"), "its metadata do not have the checksum"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path, change, message):
    path = tmp_path / "w.safetensors"
    write_arrays(path, {"a": np.float32([1, 2]), "b": np.float32([3, 4])})
    table, values = table_of(path)
    change(table)
    head = json.dumps(table).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + values)
    with pytest.raises(DataLossError, match=message):
        read_arrays(path)


def test_what_the_format_cannot_hold_is_refused_before_anything_is_written(tmp_path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(ValueError, match="variable 'z' has dtype complex128, which safetensors cannot hold"):
        write_arrays(path, {"z": np.complex128(1)})
    assert os.listdir(tmp_path) == []


def test_an_error_while_writing_leaves_the_old_file(path, arrays, monkeypatch):
    write_arrays(path, arrays)
    before = path.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_arrays(path, {"other": np.ones(3)})
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_the_folder_is_brought_to_the_disk_after_the_name(path, arrays, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(descriptor):
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", lambda *names: (done.append("name"), replace(*names)))
    write_arrays(path, arrays)
    assert done == ["file", "name", "folder"]


def test_what_killed_writers_left_is_removed_but_not_what_others_write(path, arrays):
    left, young, other = (path.with_name(f".{name}.0123.tmp") for name in (path.name, path.name + "x", "other.npz"))
    for leftover in (left, young, other):
        leftover.write_bytes(b"half")
        os.utime(leftover, (1, 1))
    running = path.with_name(f".{path.name}.4567.tmp")
    with open(running, "wb") as file:
        assert atomic._lock(file)
        os.utime(running, (1, 1))
        write_arrays(path, arrays)
        assert running.exists()
    assert not left.exists()
    assert young.exists()
    assert other.exists()


# Names and files that somebody made up.


@pytest.mark.parametrize(("ending", "name"), [("safetensors", "__metadata__"), ("npz", "__checksum__")])
def test_names_that_are_the_formats_own_are_refused(tmp_path, ending, name):
    with pytest.raises(ValueError, match=f"no variable can be called '{name}'"):
        write_arrays(tmp_path / f"w.{ending}", {name: np.ones(3)})


def test_names_that_differ_by_an_ending(path):
    arrays = {"w": np.ones(3), "w.npy": np.zeros(2), "../w": np.full(1, 7.0)}
    write_arrays(path, arrays)
    found, _ = read_arrays(path)
    assert {name: array.tolist() for name, array in found.items()} == {n: a.tolist() for n, a in arrays.items()}


def test_strings_come_back(tmp_path):
    texts = np.array([[b"a\x00", "ü", b"\xff"], [b"", "b", b"c"]], object)
    write_arrays(tmp_path / "w.safetensors", {"texts": texts, "none": np.zeros((0, 2), object)})
    found, metadata = read_arrays(tmp_path / "w.safetensors")
    assert found["texts"].tolist() == [[b"a\x00", b"\xc3\xbc", b"\xff"], [b"", b"b", b"c"]]
    assert found["none"].shape == (0, 2)
    assert metadata == {}
    with pytest.raises(ValueError, match=r"'texts' has dtype object, which \.npz files cannot hold"):
        write_arrays(tmp_path / "w.npz", {"texts": texts})


def test_compressed_members_are_not_unpacked(tmp_path):
    np.savez_compressed(tmp_path / "w.npz", bomb=np.zeros(10**7, np.uint8))
    with pytest.raises(DataLossError, match="'bomb' cannot be read: it is compressed"):
        read_arrays(tmp_path / "w.npz")


def _made_up(path, entries, body=b""):
    metadata = {"format": "np", "checksums": json.dumps(dict.fromkeys(entries, "00"))}
    metadata["checksum"] = checksum_of_text(metadata)
    head = json.dumps({"__metadata__": metadata, **entries}).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + body)


@pytest.mark.parametrize("shape", [[0, 10**30], [1] * 100, [True], [-1], [1.0], ["1"], [2**62, 8]])
def test_shapes_that_no_array_has(tmp_path, shape):
    path = tmp_path / "w.safetensors"
    size = 0 if 0 in shape else 4
    _made_up(path, {"w": {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}}, bytes(size))
    with pytest.raises(DataLossError, match=r"w\.safetensors is damaged"):
        read_arrays(path)


def test_a_table_that_is_nested_without_end(tmp_path):
    head = b'{"w":' * 100_000
    (tmp_path / "w.safetensors").write_bytes(len(head).to_bytes(8, "little") + head)
    with pytest.raises(DataLossError, match="the list of its variables is unreadable"):
        read_arrays(tmp_path / "w.safetensors")
