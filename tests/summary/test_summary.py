"""tf.summary: what is written, by which writer, with which step; in eager code and in traced functions."""

import io

import numpy as np
import pytest

import microdl as tf

pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")

from tests.summary import events


@pytest.fixture
def writer(tmp_path):
    writer = tf.summary.create_file_writer(tmp_path)
    yield writer
    writer.close()
    tf.summary.experimental.set_step(None)


def test_scalars_of_eager_code(writer, tmp_path):
    with writer.as_default():
        assert tf.summary.scalar("loss", 0.5, step=3).numpy()
        with tf.name_scope("scope"):
            tf.summary.scalar("loss", tf.constant(2, tf.int32), step=tf.constant(4, tf.int64))
    assert events.values(tmp_path) == [("loss", 3, 0.5), ("scope/loss", 4, 2.0)]


def test_without_a_writer_nothing_is_written():
    assert not tf.summary.scalar("loss", 0.5).numpy()
    assert not tf.summary.should_record_summaries()
    with tf.summary.create_noop_writer().as_default():
        tf.summary.scalar("loss", 0.5, step=1)


def test_a_step_is_needed(writer):
    with writer.as_default(), pytest.raises(ValueError, match=r"^No step set. Please specify one either through"):
        tf.summary.scalar("loss", 0.5)


def test_default_steps(writer, tmp_path):
    tf.summary.experimental.set_step(7)
    with writer.as_default():
        tf.summary.scalar("a", 1.0)
        with writer.as_default(step=9):
            tf.summary.scalar("a", 2.0)
        assert tf.summary.experimental.get_step() == 7
    assert events.values(tmp_path) == [("a", 7, 1.0), ("a", 9, 2.0)]


def test_record_if(writer, tmp_path):
    with writer.as_default(step=0):
        with tf.summary.record_if(False):
            assert not tf.summary.scalar("a", 1.0).numpy()
        with tf.summary.record_if(lambda: tf.constant(True)):
            assert tf.summary.should_record_summaries()
            tf.summary.scalar("b", 1.0)
    assert events.values(tmp_path) == [("b", 0, 1.0)]


@pytest.mark.parametrize("shape", [(2,), (None,)])
def test_a_traced_function_writes_in_every_call(writer, tmp_path, shape):
    step = tf.Variable(0, dtype=tf.int64)

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)])
    def f(x):
        with tf.summary.record_if(tf.equal(step % 2, 0)):
            tf.summary.scalar("sum", tf.reduce_sum(x))
        return x + 1.0

    with writer.as_default(step=step):
        for i in range(4):
            step.assign(i)
            f(tf.constant([1.0, i]))
    assert events.values(tmp_path) == [("sum", 0, 1.0), ("sum", 2, 3.0)]


def test_histograms_have_intervals_of_one_width(writer, tmp_path):
    with writer.as_default(step=0):
        tf.summary.histogram("h", [0.0, 1.0, 1.5, 4.0], buckets=4)
        tf.summary.histogram("same", [2.0, 2.0], buckets=3)
        tf.summary.histogram("none", np.zeros(0, np.float32), buckets=2)
        tf.summary.histogram("wild", [np.nan, 1.0, np.inf, 3.0, -np.inf], buckets=2)
        tf.summary.histogram("thirty", np.arange(7))
    h, same, none, wild, thirty = (array for _, _, array in events.values(tmp_path))
    assert h.tolist() == [[0, 1, 1], [1, 2, 2], [2, 3, 0], [3, 4, 1]]
    assert same.tolist() == [[2, 2, 0], [2, 2, 0], [2, 2, 2]]
    assert none.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert wild.tolist() == [[1, 2, 1], [2, 3, 1]]
    assert thirty.shape == (30, 3)
    assert thirty[:, 2].sum() == 7


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_images_are_png(writer, tmp_path, channels):
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).random((5, 4, 3, channels), np.float32)
    with writer.as_default(step=0):
        tf.summary.image("i", pixels, max_outputs=2)
        tf.summary.image("u", (pixels * 255).astype(np.uint8))
    (_, _, floats), (_, _, integers) = events.values(tmp_path)
    assert floats[:2].tolist() == [b"3", b"4"]
    assert (len(floats), len(integers)) == (4, 5)
    assert events.png_size(floats[2]) == (3, 4)
    decoded = np.asarray(image.open(io.BytesIO(integers[3]))).reshape(4, 3, channels)
    assert np.array_equal(decoded, (pixels[1] * 255).astype(np.uint8))


def test_text_and_tensors(writer, tmp_path):
    with writer.as_default(step=0):
        tf.summary.text("t", "some *text*")
        tf.summary.text("table", tf.constant([["a", "b"]]))
        tf.summary.write("raw", tf.constant([1.0, 2.0]))
    assert [(tag, array.tolist()) for tag, _, array in events.values(tmp_path)] == [
        ("t", b"some *text*"),
        ("table", [[b"a", b"b"]]),
        ("raw", [1.0, 2.0]),
    ]


def test_a_functions_graph(writer, tmp_path):
    weight = tf.Variable(np.ones((3, 2), np.float32), name="dense/kernel")

    @tf.function
    def f(x):
        return tf.nn.relu(tf.matmul(x, weight))

    with writer.as_default():
        assert tf.summary.graph(f.get_concrete_function(tf.TensorSpec((4, 3), tf.float32)).graph)
    nodes = events.graph(tmp_path)
    assert list(nodes["forward/dense/MatMul"].input) == ["inputs/x", "variables/dense/kernel"]
    assert list(nodes["forward/Relu"].input) == ["forward/dense/MatMul"]
    assert [d.size for d in nodes["forward/Relu"].attr["_output_shapes"].list.shape[0].dim] == [4, 2]


def test_the_graph_of_a_function_with_open_sizes(writer, tmp_path):
    f = tf.function(lambda x: tf.reduce_mean(x) + 1.0, input_signature=[tf.TensorSpec((None, 3), tf.float32)])
    with writer.as_default():
        tf.summary.graph(f.get_concrete_function().graph)
    nodes = events.graph(tmp_path)
    assert [d.size for d in nodes["inputs/x"].attr["_output_shapes"].list.shape[0].dim] == [-1, 3]


def test_traces_are_exported(writer, tmp_path):
    f = tf.function(lambda x: x * 2.0)
    tf.summary.trace_on(graph=True, profiler=True)
    f(tf.constant(1.0))
    with writer.as_default():
        tf.summary.trace_export("trace", step=0, profiler_outdir=tmp_path)
    assert [(tag, step) for tag, step, _ in events.values(tmp_path)] == [("trace", 0)]
    assert list(tmp_path.glob("plugins/profile/*/*.json.gz"))
    with pytest.raises(ValueError, match=r"^Must enable trace before export"):
        tf.summary.trace_export("trace", step=0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tf.summary.scalar("a", [1.0]), ValueError, "summary.scalar: 'a' must be a scalar, got a tensor of sh"),
        (lambda: tf.summary.image("a", np.zeros((2, 2))), ValueError, "summary.image: images have the shape (N, heig"),
        (lambda: tf.summary.graph(3), TypeError, "The argument 'graph_data' is not a graph: give f.get_concrete_func"),
    ],
)
def test_misuse_is_explained(writer, call, error, message):
    with writer.as_default(step=0), pytest.raises(error) as raised:
        call()
    assert str(raised.value).startswith(message)


def test_a_closed_writer_refuses(writer):
    writer.close()
    with writer.as_default(step=0), pytest.raises(RuntimeError, match=r"^SummaryWriter is already closed$"):
        tf.summary.scalar("a", 1.0)
