"""What is printed while a function is traced: TensorFlow 2.21's names."""

import microdl as tf


def traced(capsys, function, *args, **kwargs):
    function(*args, **kwargs)
    return capsys.readouterr().out.splitlines()


def test_arguments_have_the_names_of_their_parameters(capsys):
    @tf.function
    def f(a, b, *c, k=None, v=None):
        print("Tracing with", a, f"{b}", c)
        print(k, v)
        return a

    one, two = tf.constant(1.0), tf.constant(2)
    found = traced(capsys, f, one, one, one, one, k={"x": two, "y": [two]}, v=tf.Variable(1.0))
    assert found == [
        'Tracing with Tensor("a:0", shape=(), dtype=float32) Tensor("b:0", shape=(), dtype=float32) '
        "(<tf.Tensor 'c_0:0' shape=() dtype=float32>, <tf.Tensor 'c_1:0' shape=() dtype=float32>)",
        "{'x': <tf.Tensor 'k:0' shape=() dtype=int32>, 'y': [<tf.Tensor 'k_1:0' shape=() dtype=int32>]} "
        "<tf.Variable 'Variable:0' shape=() dtype=float32>",
    ]


def test_results_have_the_names_of_their_ops(capsys):
    @tf.function
    def f(a, b):
        print(repr(a), a + b, repr(a * 2.0), tf.matmul(a[None, None], a[None, None]), tf.nn.relu(a), a + 1.0)
        print(-a, a / b, a > b, tf.reduce_sum(a), tf.cast(a, tf.int32), tf.stack([a, b]), tf.reshape(a, [1]))
        return a

    assert traced(capsys, f, tf.constant(1.0), tf.constant(2.0)) == [
        "<tf.Tensor 'a:0' shape=() dtype=float32> Tensor(\"add:0\", shape=(), dtype=float32) "
        "<tf.Tensor 'mul:0' shape=() dtype=float32> Tensor(\"MatMul:0\", shape=(1, 1), dtype=float32) "
        'Tensor("Relu:0", shape=(), dtype=float32) Tensor("add_1:0", shape=(), dtype=float32)',
        'Tensor("Neg:0", shape=(), dtype=float32) Tensor("truediv:0", shape=(), dtype=float32) '
        'Tensor("Greater:0", shape=(), dtype=bool) Tensor("Sum:0", shape=(), dtype=float32) '
        'Tensor("Cast:0", shape=(), dtype=int32) Tensor("stack:0", shape=(2,), dtype=float32) '
        'Tensor("Reshape:0", shape=(1,), dtype=float32)',
    ]


def test_open_sizes_are_shown_and_methods_have_no_self(capsys):
    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    def f(x):
        print(x, x * 2.0)
        return x

    assert traced(capsys, f, tf.ones([3, 2])) == [
        'Tensor("x:0", shape=(None, 2), dtype=float32) Tensor("mul:0", shape=(None, 2), dtype=float32)'
    ]

    class Module(tf.Module):
        @tf.function
        def __call__(self, x):
            print(x)
            return x

    assert traced(capsys, Module(), tf.ones(2)) == ['Tensor("x:0", shape=(2,), dtype=float32)']
