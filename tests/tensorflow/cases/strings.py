"""Tensors of strings: what ``tf.strings`` gives, what moves them, what refuses them."""


def made(tf):
    return tf.constant("Tennis", tf.string), tf.constant(["a", b"b"]), tf.constant([["é"], ["\0x"]]), tf.constant(b"")


def as_text(tf):
    x = tf.constant([["a", "it's"], ["b\n", "é"]])
    return repr(x), str(x), repr(tf.constant("Tennis")), str(tf.constant("Tennis")), f"{tf.constant('a')}"


def back(tf):
    return tf.constant("a").numpy(), tf.constant(["a", "b"]).numpy().tolist(), str(tf.constant(["a"]).numpy().dtype)


def variables(tf):
    v = tf.Variable(["a", "b"])
    first = repr(v)
    v.assign(["c", "d"])
    return first, v


def compared(tf):
    x = tf.constant(["a", "b"])
    return x == "a", x != "a", x == ["a", "c"], tf.equal(x, b"b"), tf.not_equal("a", "a")


def ordered(tf):
    return tf.constant("a") < tf.constant("b")


def added(tf):
    x = tf.constant(["a", "b"])
    return x + "!", "<" + x, tf.add("a", "b"), x + x


def moved(tf):
    x = tf.constant([["a", "b"], ["c", "d"]])
    return [
        x[0],
        x[:, 1],
        x[0, 0],
        tf.transpose(x),
        tf.reshape(x, [-1]),
        tf.concat([x, x], 0),
        tf.stack([x, x])[1],
        tf.gather(x, [1, 0]),
        tf.tile(x, [1, 2]),
        tf.reverse(x, [0]),
        tf.expand_dims(x, 0),
        tf.identity(x),
        tf.where([[True], [False]], x, "z"),
        tf.zeros_like(x),
        tf.boolean_mask(x, [False, True]),
        tf.pad(x, [[1, 0], [0, 0]], constant_values="p"),
        tf.broadcast_to("q", [2]),
        tf.size(x),
        tf.shape(x),
        tf.rank(x),
        tf.unstack(x),
        tf.split(x, 2),
    ]


def joined(tf):
    x = tf.constant(["a", "b"])
    return tf.strings.join([x, x]), tf.strings.join(["<", x, ">"], separator=" "), tf.strings.join(["a", "b"])


def joined_with_other_shapes(tf):
    return tf.strings.join([["a", "b"], ["c"]])


def lengths(tf):
    x = tf.constant(["", "abc", "dé"])
    return tf.strings.length(x), tf.strings.length(x, unit="UTF8_CHAR")


def cases_changed(tf):
    x = tf.constant(["Abc", "DÉ"])
    return (
        tf.strings.lower(x),
        tf.strings.upper(x),
        tf.strings.lower(x, encoding="utf-8"),
        tf.strings.upper("é", encoding="utf-8"),
    )


def parts(tf):
    x = tf.constant(["abcd", "efgh"])
    return (
        tf.strings.substr(x, 1, 2),
        tf.strings.substr(x, -2, 1),
        tf.strings.substr(x, [0, 3], [2, 5]),
        tf.strings.substr("dé", 1, 1, unit="UTF8_CHAR"),
    )


def parts_out_of_range(tf):
    return tf.strings.substr("abc", 4, 1)


def stripped(tf):
    return tf.strings.strip([" a b ", "\tc\n", ""])


def split_up(tf):
    return (
        tf.strings.split("a b  c"),
        tf.strings.split("a,b,,c", sep=","),
        tf.strings.split("a,b,c", ",", maxsplit=1),
        tf.strings.bytes_split("abc"),
    )


def replaced(tf):
    x = tf.constant(["abab", "xb"])
    return (
        tf.strings.regex_replace(x, "a(b)", r"<\1>"),
        tf.strings.regex_replace(x, "b", "", replace_global=False),
        tf.strings.regex_full_match(x, ".b"),
    )


def replaced_by_a_pattern_that_is_none(tf):
    return tf.strings.regex_replace("a", "(", "b")


def from_numbers(tf):
    numbers = [tf.constant(v) for v in (1, -5, 3.14159, 1e10, True)]
    return [tf.strings.as_string(x) for x in numbers] + [
        tf.strings.as_string(3.14159, precision=2),
        tf.strings.as_string(3.14159, scientific=True),
        tf.strings.as_string(2.5, shortest=True),
        tf.strings.as_string(5, width=4, fill="0"),
        tf.strings.as_string([1.5, 2.0]),
        tf.as_string(7),
        tf.strings.as_string("a"),
    ]


def to_numbers(tf):
    return (
        tf.strings.to_number(["3.5", " 7 ", "1e3", "inf"]),
        tf.strings.to_number(["1", "-2"], tf.int32),
        tf.strings.to_number("8", tf.int64),
    )


def to_numbers_that_they_are_not(tf):
    return tf.strings.to_number("abc")


def formatted(tf):
    return (
        tf.strings.format("x={} y={}", (tf.constant(1), tf.constant([1.5, 2.0]))),
        tf.strings.format("{}", tf.constant(["a"])),
        tf.strings.format("{}", tf.range(20)),
    )


def formatted_with_too_few(tf):
    return tf.strings.format("{} {}", tf.constant(1))


def joined_along_an_axis(tf):
    x = tf.constant([["a", "b"], ["c", "d"]])
    return (
        tf.strings.reduce_join(x),
        tf.strings.reduce_join(x, axis=0, separator="+"),
        tf.strings.reduce_join(x, axis=-1, keepdims=True),
    )


def subtracted(tf):
    return tf.constant("a") - tf.constant("b")


def multiplied(tf):
    return tf.constant("a") * 2


def summed(tf):
    return tf.reduce_sum(tf.constant(["a"]))


def multiplied_as_matrices(tf):
    return tf.matmul(tf.constant([["a"]]), tf.constant([["b"]]))


def activated(tf):
    return tf.nn.relu(tf.constant(["a"]))


def cast_to_numbers(tf):
    return tf.cast(tf.constant(["1"]), tf.int32)


def cast_from_numbers(tf):
    return tf.cast(tf.constant([1]), tf.string)


def as_a_float(tf):
    return float(tf.constant("a"))


def largest(tf):
    return tf.reduce_max(tf.constant(["a", "b"]))


def as_classes(tf):
    return tf.one_hot(tf.constant(["a"]), 2)


def in_a_function(tf):
    @tf.function
    def greet(name):
        return tf.strings.join(["hello, ", tf.strings.lower(name)]), name == "Bob"

    return greet(tf.constant(["Ann", "Bob"])), greet(tf.constant(["Bob", "Cy"]))
