"""The wheel: what a user gets from pip works without the repository."""

import importlib.metadata
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

TRAIN = """
import sys
from pathlib import Path

import microdl as tf

site = Path(sys.argv[1])
assert Path(tf.__file__).is_relative_to(site), tf.__file__

(x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data()
assert x_train.shape == (60000, 28, 28) and y_test.shape == (10000,)

tf.random.set_seed(1)
images = tf.constant(x_train[:32].reshape(32, 784), dtype=tf.float32) / 255.0
labels = tf.constant(y_train[:32], dtype=tf.int32)
w = tf.Variable(tf.zeros((784, 10)))


def loss():
    logits = tf.matmul(images, w)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


with tf.GradientTape() as tape:
    before = loss()
w.assign_sub(0.1 * tape.gradient(before, w))
assert float(loss()) < float(before)

kernels = sys.modules["microdl.kernels"]
assert Path(kernels.__file__).is_relative_to(site / "microdl" / "kernels"), kernels.__file__
assert "kernels" not in sys.modules
try:
    import kernels
except ModuleNotFoundError:
    print("trained")
"""


def setuptools_version():
    try:
        return int(importlib.metadata.version("setuptools").partition(".")[0])
    except importlib.metadata.PackageNotFoundError:
        return 0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if setuptools_version() < 77:
        pytest.skip("building a wheel without a network needs setuptools >= 77 here: pip install -e '.[test]'")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "microdl", "kernels"):
        (source / name).symlink_to(ROOT / name)  # what building leaves behind does not go into the checkout
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)
    (built,) = folder.glob("*.whl")
    return built


def pip(*arguments):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"microdl", f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"}
    packed = {name for name in names if name.endswith(".py")}
    sources = {path.relative_to(ROOT) for top in ("microdl", "kernels") for path in (ROOT / top).rglob("*.py")}
    assert packed == {f"microdl/{p}" if p.parts[0] == "kernels" else str(p) for p in map(Path, sources)}
    assert "microdl/keras/datasets/mnist.npz" in names
    assert {name.rpartition("/")[2] for name in names if "/licenses/" in name} == {"LICENSE", "NOTICE"}


def test_the_wheel_trains_in_an_empty_folder(wheel, tmp_path):
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    pip("install", "--no-deps", "--no-index", "--target", site, wheel)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [sys.executable, "-c", TRAIN, str(site)],
        cwd=empty,
        env=environment | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (result.returncode, result.stdout.strip()) == (0, "trained"), result.stderr
    assert list(empty.iterdir()) == []
