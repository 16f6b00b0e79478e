"""Traced functions called as TensorFlow's ConcreteFunctions are: by keyword, with structures; their signatures."""

import gc
import weakref

import pytest

import microdl as tf


def test_structured_arguments_by_position_and_keyword():
    @tf.function
    def f(x, y=2, *, z):
        return {"a": x + y, "b": [z, None]}

    cf = f.get_concrete_function(tf.TensorSpec([2]), y=3, z=tf.TensorSpec([], tf.float32, name="zed"))
    x, z = tf.constant([1.0, 2.0]), tf.constant(5.0)
    for result in (cf(x, y=3, z=z), cf(x, 3, z=5.0), cf(x=[1.0, 2.0], z=z), cf(x, zed=z), cf(x, z)):
        assert (result["a"].numpy().tolist(), result["b"][0].numpy(), result["b"][1]) == ([4, 5], 5, None)
    with pytest.raises(TypeError, match=r"y: traced for Literal\[3\], got 4"):
        cf(x, y=4, z=z)
    with pytest.raises(TypeError, match="missing a required argument: 'z'"):
        cf(x)
    with pytest.raises(
        ValueError, match=r"traced for a tensor of shape \(2,\) and dtype float32, got one of shape \(3"
    ):
        cf(tf.ones([3]), z=z)
    with pytest.raises(TypeError, match="nor do they as tensors alone: 2 tensors are expected, got 3"):
        cf(x, z, z)


def test_nested_arguments():
    @tf.function
    def f(d):
        return d["x"] + d["y"][0]

    cf = f.get_concrete_function({"x": tf.TensorSpec([2]), "y": [tf.TensorSpec([2])]})
    arguments = {"x": tf.ones(2), "y": [tf.ones(2)]}
    for result in (cf(arguments), cf(d=arguments), cf(tf.ones(2), tf.ones(2))):
        assert result.numpy().tolist() == [2, 2]
    assert cf.structured_input_signature == (({"x": tf.TensorSpec([2]), "y": [tf.TensorSpec([2])]},), {})
    assert [cf.arguments.names[id(x)] for x in cf.inputs] == ["d_x", "d_y_0"]
    with pytest.raises(TypeError, match=r"d\['y'\]: traced for List"):
        cf({"x": tf.ones(2), "y": tf.ones(2)})


def test_names_of_an_input_signature():
    @tf.function(input_signature=[tf.TensorSpec([None], name="a"), tf.TensorSpec([], name="b")])
    def f(x, y=None):
        return x + y

    cf = f.get_concrete_function()
    for result in (
        cf(a=tf.ones(2), b=tf.ones([])),
        cf(x=tf.ones(2), y=1.0),
        cf([1.0, 1.0], 1.0),
        cf(tf.ones(2), y=1.0),
    ):
        assert result.numpy().tolist() == [2, 2]
    assert cf(tf.ones(3), tf.ones([])).shape == (3,)
    specs, _ = cf.structured_input_signature
    assert [spec.name for spec in specs] == ["a", "b"]


def test_methods_and_variable_arguments():
    class Adder:
        def __init__(self):
            self.v = tf.Variable(1.0, name="offset")

        @tf.function
        def add(self, x):
            return x + self.v

    adder = Adder()
    cf = adder.add.get_concrete_function(tf.TensorSpec([]))
    assert (cf(tf.constant(2.0)).numpy(), cf(x=2.0).numpy()) == (3.0, 3.0)
    assert "Captures:\n  offset:0: TensorSpec" in cf.pretty_printed_signature()

    @tf.function
    def f(*args, **kwargs):
        return args[0] + kwargs["z"]

    cf = f.get_concrete_function(tf.TensorSpec([]), z=tf.TensorSpec([]))
    assert cf(tf.constant(1.0), z=tf.constant(2.0)).numpy() == 3.0
    assert [(name, kind.name) for name, kind, _ in cf.arguments.lines()] == [
        ("args_0", "POSITIONAL_ONLY"),
        ("z", "KEYWORD_ONLY"),
    ]


def test_pretty_signatures_read_as_tensorflows():
    @tf.function
    def f(x, y=2, *, z):
        return {"a": x + y, "b": [z, None]}

    cf = f.get_concrete_function(tf.TensorSpec([2], tf.float32), y=3, z=tf.TensorSpec([], tf.float32, name="zed"))
    spec = "TensorSpec(shape=(2,), dtype=tf.float32, name='x')"
    zed = "TensorSpec(shape=(), dtype=tf.float32, name='zed')"
    returned = (
        "Dict[['a', TensorSpec(shape=(2,), dtype=tf.float32, name=None)], "
        "['b', List[TensorSpec(shape=(), dtype=tf.float32, name=None), Literal[None]]]]"
    )
    assert cf.pretty_printed_signature().splitlines() == [
        "Input Parameters:",
        f"  x (POSITIONAL_OR_KEYWORD): {spec}",
        "  y (POSITIONAL_OR_KEYWORD): Literal[3]",
        f"  z (KEYWORD_ONLY): {zed}",
        "Output Type:",
        f"  {returned}",
        "Captures:",
        "  None",
    ]
    assert cf.pretty_printed_signature(verbose=False) == f"(x: {spec}, y: Literal[3], *, z: {zed}) -> {returned}"
    assert str(cf) == f"ConcreteFunction {cf.pretty_printed_signature()}"
    assert f.pretty_printed_concrete_signatures() == cf.pretty_printed_signature()


def test_dicts_with_keys_of_several_types_and_objects_with_slots():
    assert tf.function(lambda d: d[1] + d["a"])({1: tf.ones(2), "a": 3}).numpy().tolist() == [4, 4]

    class Slotted:
        __slots__ = ("x",)

        def __init__(self):
            self.x = tf.ones(1)

        @tf.function
        def get(self):
            return self.x * 2.0

    slotted = Slotted()
    assert tf.function(lambda o: o.x * 3.0)(slotted).numpy() == 3.0
    assert slotted.get().numpy() == 2.0


def test_a_trace_keeps_no_object_alive():
    class Settings:
        scale = 2.0

    settings = Settings()
    f = tf.function(lambda x, s: x * s.scale)
    cf = f.get_concrete_function(tf.TensorSpec([]), settings)
    assert cf(3.0, settings).numpy() == 6.0
    assert cf(3.0).numpy() == 6.0
    with pytest.raises(TypeError, match="s: traced for"):
        cf(3.0, Settings())
    alive = weakref.ref(settings)
    del settings
    gc.collect()
    assert alive() is None
