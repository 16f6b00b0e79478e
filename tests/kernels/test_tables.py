"""Tables are worked out once, and forgotten before they fill the memory."""

import numpy as np

from microdl.core.kernels import support

remembered = support("cpu.tables").remembered


def counted(limit):
    """A remembered function of n that makes n KiB, and the list of its calls."""
    calls = []

    @remembered(limit)
    def table(n):
        calls.append(n)
        return np.zeros(n * 128), n

    return table, calls


def test_a_table_is_worked_out_once():
    table, calls = counted(10 * 1024)
    assert table(3) is table(3)
    assert calls == [3]


def test_what_was_used_least_recently_is_forgotten():
    table, calls = counted(10 * 1024)
    for n in (3, 4, 3, 5, 3, 4):
        table(n)
    assert calls == [3, 4, 5, 4]


def test_a_table_beyond_the_limit_is_not_kept():
    table, calls = counted(10 * 1024)
    for n in (3, 11, 11, 3):
        table(n)
    assert calls == [3, 11, 11]


def test_forgetting_makes_room_for_the_new_alone():
    table, calls = counted(10 * 1024)
    for n in (1, 2, 3, 4, 2, 3, 4, 1):  # 10 KiB with 1 among them, and some bytes for what holds the arrays
        table(n)
    assert calls == [1, 2, 3, 4, 1]
