"""tf.compat.v1.summary. Tags, names and buckets are those that TensorFlow 2.21 gives."""

import numpy as np
import pytest

import microdl.compat.v1 as tf

pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")

from tests.summary import events


@pytest.fixture
def graph():
    graph = tf.Graph()
    with graph.as_default():
        yield graph


def value_of(serialized):
    return tf.summary.Summary().FromString(serialized).value


def test_names_and_tags(graph):
    x = tf.constant(0.5)
    plain = tf.summary.scalar("loss", x)
    with tf.name_scope("sc"):
        scoped = tf.summary.scalar("my acc", x)
    family = tf.summary.scalar("acc", x, family="fam")
    assert [t.name for t in (plain, scoped, family)] == ["loss:0", "sc/my_acc:0", "fam/acc:0"]
    assert [t.op.type for t in (plain, scoped)] == ["ScalarSummary"] * 2
    merged = tf.summary.merge_all()
    assert (merged.name, merged.dtype) == ("Merge/MergeSummary:0", tf.string)
    with tf.Session() as session:
        found = value_of(session.run(merged))
    assert [(v.tag, v.simple_value) for v in found] == [("loss", 0.5), ("sc/my_acc", 0.5), ("fam/fam/acc", 0.5)]


def test_nothing_to_merge(graph):
    assert tf.summary.merge_all() is None


def test_histogram_has_tensorflows_buckets(graph):
    x = tf.placeholder(tf.float32, [None, 3])
    summary = tf.summary.histogram("y vals", x)
    with tf.Session() as session:
        (value,) = value_of(session.run(summary, {x: [[1, 2, -3.5], [0, 0, 1e-3]]}))
    assert value.tag == "y_vals"
    limits = [
        -3.8315657995195243, -3.48324163592684, 0, 1e-12, 0.00095987057683278915, 0.001055857634516068,
        0.917246389039776, 1.0089710279437536, 1.9661990955585713, 2.1628190051144287, 1.7976931348623157e308,
    ]  # fmt: skip
    assert np.allclose(value.histo.bucket_limit, limits, rtol=1e-12, atol=0)
    assert list(value.histo.bucket) == [0, 1, 0, 2, 0, 1, 0, 1, 0, 1, 0]
    assert (value.histo.min, value.histo.max, value.histo.num) == (-3.5, 2, 6)


def test_images_are_scaled_by_their_largest_pixel(graph):
    x = tf.placeholder(tf.float32, [None, 2, 1, 1])
    with tf.name_scope("pix"):
        summary = tf.summary.image("img", x)
    with tf.Session() as session:
        found = value_of(session.run(summary, {x: np.ones((2, 2, 1, 1))}))
    assert [v.tag for v in found] == ["pix/img/image/0", "pix/img/image/1"]
    assert (found[0].image.height, found[0].image.width, found[0].image.colorspace) == (2, 1, 1)


def test_training_is_written(graph, tmp_path):
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    with tf.name_scope("layer"):
        weight = tf.Variable(tf.ones([3, 2]), name="W")
        y = tf.matmul(x, weight)
    loss = tf.reduce_mean(y, name="loss_value")
    tf.summary.scalar("loss", loss)
    merged, init = tf.summary.merge_all(), tf.global_variables_initializer()
    with tf.Session() as session, tf.summary.FileWriter(tmp_path, session.graph) as writer:
        session.run(init)
        for i in range(3):
            writer.add_summary(session.run(merged, {x: np.full((2, 3), i)}), i)
    found = [(tag, step, float(value.item())) for tag, step, value in events.values(tmp_path)]
    assert found == [("loss", 0, 0.0), ("loss", 1, 3.0), ("loss", 2, 6.0)]
    nodes = events.graph(tmp_path)
    assert list(nodes["layer/MatMul"].input) == ["x", "layer/W/read"]
    assert list(nodes["layer/W/read"].input) == ["layer/W"]
    assert list(nodes["loss"].input) == ["loss_value"]
    assert nodes["x"].op == "Placeholder"


def test_a_writer_goes_on_after_it_was_closed(graph, tmp_path):
    writer = tf.summary.FileWriter(str(tmp_path))
    writer.close()
    writer.add_summary(tf.summary.Summary(value=[{"tag": "a", "simple_value": 1.0}]), 5)
    writer.close()
    assert [(tag, step) for tag, step, _ in events.values(tmp_path)] == [("a", 5)]
    assert writer.get_logdir() == str(tmp_path)


def test_monitored_sessions_write_summaries_and_steps_per_second(graph, tmp_path):
    step = tf.train.get_or_create_global_step()
    train = step.assign_add(1)
    tf.summary.scalar("twice", tf.cast(step, tf.float32) * 2.0)
    hooks = [tf.train.StopAtStepHook(last_step=5)]
    options = {"save_summaries_steps": 2, "log_step_count_steps": 3, "hooks": hooks}
    with tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path), **options) as session:
        while not session.should_stop():
            session.run(train)
    found = events.values(tmp_path)
    assert [(at, value) for tag, at, value in found if tag == "twice"] == [(1, 0), (3, 4), (5, 8)]
    assert [at for tag, at, _ in found if tag == "global_step/sec"] == [4]
    assert tf.train.latest_checkpoint(tmp_path) == str(tmp_path / "model.ckpt-5")


def test_graphs_are_written_as_text_and_as_messages(graph, tmp_path):
    tf.add(tf.constant(1.0, name="one"), 2.0, name="sum")
    text = tf.train.write_graph(graph, tmp_path / "new", "graph.pbtxt")
    assert text == str(tmp_path / "new" / "graph.pbtxt")
    assert 'name: "sum"' in (tmp_path / "new" / "graph.pbtxt").read_text()
    tf.io.write_graph(graph.as_graph_def(), str(tmp_path), "graph.pb", as_text=False)
    message = type(graph.as_graph_def()).FromString((tmp_path / "graph.pb").read_bytes())
    assert {"one", "sum"} <= {node.name for node in message.node}
