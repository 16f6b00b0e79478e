"""The memory of a plan: arrays that live at the same time do not overlap, others share."""

from hypothesis import given, strategies as st

import microdl as tf
from microdl.compile.memory import ALIGNMENT, Life, lay_out, slab

LIVES = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 20), st.integers(0, 20)), max_size=30)


@given(LIVES)
def test_what_lives_at_the_same_time_lies_apart(drawn):
    lives = [Life(nbytes, min(a, b), max(a, b)) for nbytes, a, b in drawn]
    total = lay_out(lives)
    for i, one in enumerate(lives):
        assert one.offset % ALIGNMENT == 0
        assert one.offset + one.nbytes <= total
        for other in lives[:i]:
            if one.first <= other.last and other.first <= one.last and one.nbytes and other.nbytes:
                assert one.offset + one.nbytes <= other.offset or other.offset + other.nbytes <= one.offset


def test_what_does_not_live_at_the_same_time_shares():
    lives = [Life(640, step, step + 1) for step in range(10)]
    assert lay_out(lives) == 2 * 640


def test_a_block_begins_at_a_cache_line():
    for nbytes in (1, 64, 1000):
        block = slab(nbytes)
        assert (block.nbytes, block.ctypes.data % ALIGNMENT) == (nbytes, 0)


def test_a_chain_needs_two_arrays_and_a_second_run_gives_the_same():
    @tf.function
    def f(x):
        for _ in range(6):  # sorts of ops that no pass merges
            x = tf.cumsum(x)
        return tf.reduce_sum(x)

    x = tf.ones([1024])
    first = f(x).numpy()
    assert f.get_concrete_function(x).plan.nbytes == 2 * 4096
    assert f(x).numpy() == first


def test_a_result_is_the_callers_own():
    f = tf.function(lambda x: (x * 2, tf.reshape(x * 2, [-1]), x))
    x = tf.constant([[1.0, 2.0]])
    one = [y.numpy() for y in f(x)]
    kept = f(x)
    f(tf.constant([[5.0, 6.0]]))
    for y, expected in zip(kept, one, strict=True):
        assert y.numpy().tolist() == expected.tolist()
