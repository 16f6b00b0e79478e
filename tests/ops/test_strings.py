"""Strings where a frozen comparison with TensorFlow does not look: in traced functions, and what is left out."""

import inspect

import pytest

import microdl as tf
from microdl.core.op import all_ops


def test_functions_take_and_give_strings_of_any_length():
    @tf.function
    def describe(names, ages):
        known = tf.where(ages > 0, tf.strings.as_string(ages), "?")
        return tf.strings.join([names, known], separator=": ") + "!", tf.strings.length(names)

    for names, ages in ((["Ann", "Bob"], [30, 0]), (["a" * 50, ""], [1, 2])):
        texts, lengths = describe(tf.constant(names), tf.constant(ages))
        expected = [f"{name}: {age or '?'}!".encode() for name, age in zip(names, ages, strict=True)]
        assert texts.numpy().tolist() == expected
        assert lengths.numpy().tolist() == [len(name) for name in names]


def test_what_a_function_returned_stays_when_it_runs_again():
    @tf.function
    def shout(x):
        return tf.strings.upper(x) + "!"

    first = shout(tf.constant(["a"]))
    shout(tf.constant(["b"]))
    assert first.numpy().tolist() == [b"A!"]


def test_a_variable_keeps_strings_apart_from_tensors_read_before():
    v = tf.Variable(["a", "b"])
    before = v.read_value()
    v.assign(v + "x")
    assert (before.numpy().tolist(), v.numpy().tolist()) == ([b"a", b"b"], [b"ax", b"bx"])


def test_an_array_given_out_is_the_callers_own():
    x = tf.constant(["a", "b"])
    x.numpy()[0] = b"z"
    assert x.numpy().tolist() == [b"a", b"b"]


def test_strings_with_different_numbers_of_parts_are_not_split_together():
    assert tf.strings.split(["a b", "c d"]).numpy().tolist() == [[b"a", b"b"], [b"c", b"d"]]
    with pytest.raises(ValueError, match="strings with 1 to 2 parts make no rectangular tensor"):
        tf.strings.split(["a b", "c"])
    with pytest.raises(ValueError, match=r"one string is expected, got shape \(2,\)"):
        tf.strings.bytes_split(["a", "b"])


def test_splitting_is_not_traced():
    with pytest.raises(TypeError, match="the number of parts is not known while a function is traced"):
        tf.function(lambda x: tf.strings.split(x))(tf.constant("a b"))


def test_units_have_names():
    with pytest.raises(ValueError, match='unit must be "BYTE" or "UTF8_CHAR", got \'bytes\''):
        tf.strings.length("a", unit="bytes")


def test_nothing_is_joined_to_nothing():
    assert tf.strings.join([]).numpy() == b""
    assert tf.strings.reduce_join(tf.zeros((2, 0), tf.string), axis=1).numpy().tolist() == [b"", b""]
    assert tf.strings.lower(tf.zeros((0, 3), tf.string)).shape == (0, 3)


def test_strings_are_printed_as_tensorflow_prints_them(capsys):
    tf.print(tf.constant("a"), tf.constant(["b", "c"]), [tf.constant("d")])
    assert capsys.readouterr().err == '"a" ["b" "c"] ["d"]\n'


HAVE_STRINGS = {"AddV2", "Equal", "NotEqual", "ZerosLike", "OnesLike", "DeepCopy"}  # tf.ones_like refuses them itself


def elementwise_ops():
    """Ops of one or two tensors without attributes."""
    for name, op in all_ops().items():
        if op.inputs in (("x",), ("x", "y")) and len(inspect.signature(op.infer).parameters) == len(op.inputs):
            yield name


@pytest.mark.parametrize("name", sorted(set(elementwise_ops()) - HAVE_STRINGS))
def test_ops_of_numbers_refuse_strings(name):
    op, x = all_ops()[name], tf.constant(["a", "b"])
    with pytest.raises(tf.errors.InvalidArgumentError, match="string"):
        op.infer(*[x.spec] * len(op.inputs))


def test_strings_decide_and_are_looped_over_in_functions():
    @tf.function
    def marked(x):
        if tf.reduce_all(x == "a"):
            return x + "1"
        return x + "22"

    @tf.function
    def together(x):
        whole = tf.constant("")
        for part in x:
            whole = whole + part
        return whole

    assert [marked(tf.constant([x])).numpy().tolist() for x in "ab"] == [[b"a1"], [b"b22"]]
    assert together(tf.constant(["a", "bc", "d"])).numpy() == b"abcd"


def test_one_trace_serves_any_number_of_strings():
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def lengths(x):
        return tf.strings.length(x), x + "!"

    for given in (["a", "bb"], ["ccc"]):
        counts, texts = lengths(tf.constant(given))
        assert counts.numpy().tolist() == [len(text) for text in given]
        assert texts.numpy().tolist() == [f"{text}!".encode() for text in given]


def test_datasets_hold_strings():
    batches = tf.data.Dataset.from_tensor_slices(["a", "b", "c"]).map(lambda x: tf.strings.upper(x) + "!").batch(2)
    assert [batch.numpy().tolist() for batch in batches] == [[b"A!", b"B!"], [b"C!"]]
