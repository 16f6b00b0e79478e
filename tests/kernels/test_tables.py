"""Tables are worked out once, and forgotten before they fill the memory."""

import numpy as np

from microdl.core.kernels import cpu

remembered = cpu.tables.remembered


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


def test_the_bytes_stay_within_the_limit():
    table, _ = counted(10 * 1024)
    for n in range(20):
        table(n % 7)
        assert sum(array.nbytes for array, _ in table.kept.values()) <= 10 * 1024
