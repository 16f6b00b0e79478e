"""What a tape follows, when it records, and how often it answers."""

import numpy as np


def variable_is_watched(tf):
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
    return tape.gradient(y, x)


def constant_is_not_watched(tf):
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        y = x * x
    return tape.gradient(y, x)


def constant_watched(tf):
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x**3
    return tape.gradient(y, x)


def watching_after_use(tf):
    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        y = x * x
        tape.watch(x)
        z = y + x
    return tape.gradient(z, x)


def watching_a_result(tf):
    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        y = x * 3.0
        tape.watch(y)
        z = y * y
    return tape.gradient(z, [x, y])


def watching_a_list(tf):
    a, b = tf.constant(2.0), tf.constant(5.0)
    with tf.GradientTape() as tape:
        tape.watch([a, b])
        y = a * b
    return tape.gradient(y, {"a": a, "b": b})


def not_trainable(tf):
    x = tf.Variable(3.0, trainable=False)
    with tf.GradientTape() as tape:
        y = x * x
    return tape.gradient(y, x)


def not_trainable_but_watched(tf):
    x = tf.Variable(3.0, trainable=False)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    return tape.gradient(y, x)


def accessed_variables_left_alone(tf):
    a, b = tf.Variable(3.0), tf.Variable(4.0)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(a)
        y = a * b
    return tape.gradient(y, [a, b])


def watched_variables_in_order(tf):
    a, b, c = tf.Variable(1.0, name="a"), tf.Variable(2.0, name="b"), tf.Variable(3.0, name="c")
    with tf.GradientTape() as tape:
        b * a * b
    return [v.name for v in tape.watched_variables()], len(tape.watched_variables()), c


def second_call(tf):
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
    tape.gradient(y, x)
    return tape.gradient(y, x)


def second_call_of_a_persistent_tape(tf):
    x = tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        y = x * x
        z = y * y
    return tape.gradient(z, x), tape.gradient(y, x), tape.gradient(z, y)


def gradient_inside_the_block(tf):
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
        g = tape.gradient(y, x)
    return g


def persistent_gradient_inside_the_block(tf):
    x = tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        y = x**3
        g = tape.gradient(y, x)
    return g, tape.gradient(g, x)


def reset_forgets(tf):
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
        tape.reset()
        z = x * 2.0
    return tape.gradient(z, x), y


def reset_and_ask_for_what_is_forgotten(tf):
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
        tape.reset()
    return tape.gradient(y, x)


def stop_recording(tf):
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
        with tape.stop_recording():
            z = y * y
        w = z + y
    return tape.gradient(w, x)


def stopped_for_all(tf):
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape, tape.stop_recording():
        y = x * x
    return tape.gradient(y, x)


def stopping_a_tape_that_does_not_record(tf):
    tape = tf.GradientTape()
    with tape.stop_recording():
        pass


def entering_twice(tf):
    with tf.GradientTape() as tape, tape:
        pass


def entering_again_goes_on(tf):
    x = tf.Variable(3.0)
    tape = tf.GradientTape()
    with tape:
        y = x * x
    with tape:
        z = y * x
    return tape.gradient(z, x)


def computed_after_the_block(tf):
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
    z = y * y
    return tape.gradient(z, x)


def watching_an_integer(tf):
    x = tf.constant(3)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    return tape.gradient(y, x)


def watching_a_number(tf):
    with tf.GradientTape() as tape:
        tape.watch(3.0)


def watching_an_array(tf):
    with tf.GradientTape() as tape:
        tape.watch(np.ones(2, np.float32))


def reading_a_variable_twice(tf):
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(x * x.read_value() + x.value())
    return tape.gradient(y, x)


def assigned_between(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = x * x
        x.assign(5.0)
        z = y + x
    return tape.gradient(z, x), z


def assigned_after(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = x * x
    x.assign(5.0)
    return tape.gradient(y, x)


def nothing_flows_through_an_assignment(tf):
    x, v = tf.Variable(2.0), tf.Variable(0.0)
    with tf.GradientTape() as tape:
        v.assign(x * 3.0)
        y = v * 1.0
    return tape.gradient(y, x)
