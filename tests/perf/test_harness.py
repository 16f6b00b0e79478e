"""The benchmark's arithmetic: roofs, ratios, goals, verdicts; and how its processes answer."""

import sys

import bench
import compare
import numpy as np
import pytest
from harness import clock, contest, expression, report, roofline
from harness.bars import BARS, Bar, reached
from harness.case import PEERS, Array, case
from harness.cases import table
from harness.worker import Worker, same

ROOFS = {
    "flops": {"float32": 200e9, "float64": 100e9},
    "levels": [["L1", 64_000, 400e9, 500e9], ["memory", 0, 20e9, 30e9]],
}


def product(n, dtype="float32"):
    arrays = {"a": Array((n, n)), "b": Array((n, n)), "c": Array((n, n), "zeros")}
    return case(f"matmul {n}", [("matmul.matmul", ("a", "b", "c"))], arrays, ["c"], 2 * n**3, dtype=dtype)


def copied(n, cold=False):
    arrays = {"x": Array((n,)), "y": Array((n,), "zeros")}
    return case(f"copy {n}", [("array.copy", ("x", "y"))], arrays, ["y"], 0, cold=cold)


def figure(*rounds, **more):
    return {"variant": "", "min": min(rounds), "median": float(np.median(rounds)), "rounds": list(rounds), **more}


def test_arithmetic_bounds_a_large_product():
    assert roofline.least_seconds(product(1000), ROOFS) == pytest.approx(2e9 / 200e9)
    assert roofline.least_seconds(product(1000, "float64"), ROOFS) == pytest.approx(2e9 / 100e9)


def test_bandwidth_bounds_a_copy_by_the_memory_that_holds_it():
    assert roofline.least_seconds(copied(1000), ROOFS) == pytest.approx(8000 / 400e9)
    assert roofline.least_seconds(copied(1000, cold=True), ROOFS) == pytest.approx(8000 / 20e9)
    assert roofline.least_seconds(copied(10**6), ROOFS) == pytest.approx(8e6 / 20e9)


def test_reading_alone_has_a_bandwidth_of_its_own():
    total = case("sum", [("f.sum", ("x", "y"))], {"x": Array((10**6,)), "y": Array((1,), "zeros")}, ["y"], 0)
    assert total.reads_only
    assert roofline.bandwidth(total, ROOFS) == 30e9


def test_a_copy_measured_beside_a_row_is_its_roof():
    row = copied(10**7)
    beside = {"roof": figure(2e-3)}
    assert roofline.passes(row.bytes) == 1
    assert roofline.bandwidth(row, ROOFS, beside) == pytest.approx(row.bytes / 2e-3)
    small = copied(1000)
    assert roofline.bandwidth(small, ROOFS, beside) == pytest.approx(8000 * roofline.passes(8000) / 2e-3)


def test_ratio_is_taken_to_the_fastest_peer():
    figures = {"microdl": figure(1.0), "numpy": figure(3.0), "torch": figure(2.0), "tensorflow": {"missing": "-"}}
    assert contest.best_peer(figures, PEERS) == ("torch", 2.0)
    assert contest.ratio(figures, PEERS) == 2.0
    assert contest.ratio({"microdl": {"missing": "no kernel"}, "torch": figure(1.0)}, ["torch"]) is None


def test_goals_tell_how_far_they_are_met():
    name = "relu 16Mi"
    rows = {name: {"microdl": figure(2.0), "torch": figure(3.0), "roof": figure(1.0, others={"": 1.5})}}
    assert reached(Bar(name, 1.0, ("torch",)), table(), rows, ROOFS) == (name, 1.5)
    assert reached(Bar(name, 0.85), table(), rows, ROOFS) == (name, pytest.approx(0.5))
    slowest, value = reached(Bar("slowest of all relu", 1.0, ("torch",)), table(), rows, ROOFS)
    assert (slowest, value) == (name, 1.5)
    text = "\n".join(report.bars(table(), rows, ROOFS))
    assert "NOT MET" in text
    assert "75% of a copy with plain stores" in text
    assert all(reached(bar, table(), {}, ROOFS)[1] is None for bar in BARS)


def test_rows_without_figures_say_why():
    row = copied(1000)
    figures = {"microdl": {"missing": "no kernel array.copy"}, "numpy": figure(1e-6), "torch": {"failed": "Error: x"}}
    line = report.line(row, figures, ["numpy", "torch"], ROOFS)
    assert "no kernel array.copy" in line
    assert "1.0" in line
    assert "Error: x" in line


def test_threads_that_slow_a_row_down_are_named():
    rows = {"a": {1: figure(1.0), 2: figure(0.5)}, "b": {1: figure(1.0), 2: figure(1.2)}}
    assert report.speed_up(rows["a"], [1, 2]) == 2.0
    assert "SLOWER" in report.threads_line(copied(1000), rows["b"], [1, 2])
    first, lowest, _ = report.threads_summary(rows, [1, 2])
    assert first.startswith("1 of 2 rows")
    assert lowest.startswith("b ")


def test_a_difference_counts_only_if_the_rounds_agree():
    steady, faster = figure(1.0, 1.01, 1.02), figure(0.8, 0.81, 0.82)
    assert compare.verdict(steady, faster)[2] == "faster"
    assert compare.verdict(faster, steady)[2] == "SLOWER"
    assert compare.verdict(steady, figure(0.8, 1.3, 1.4))[2] == ""
    assert compare.verdict(steady, steady) == (1.0, 1.0, "")


def test_batches_hold_at_least_one_sample():
    calls = []
    group = clock.group_of([lambda: calls.append(1)])
    assert len(clock.batch(group, 0.0)) == 1
    assert all(seconds > 0 for seconds in clock.batch(group, 0.001))


def test_expressions_write_or_return_the_outputs():
    x, y = np.arange(4.0), np.zeros(4)
    names = {"np": np, "x": x, "y": y}
    for text in ("np.exp(x, out=y)", "np.exp(x)", "np.exp(x).reshape(y.shape)"):
        y[:] = 0
        call, results = expression.way(text, names, ["y"], np.asarray)
        call()
        np.testing.assert_allclose(results()["y"], np.exp(x))


def test_digests_tell_other_results_from_rounding():
    assert same((10, 3.0, 1.0), (10, 3.0001, 1.0001))
    assert not same((10, 3.0, 1.0), (10, 3.1, 1.0))
    assert not same((10, 3.0, 1.0), (12, 3.0, 1.0))


def test_a_process_that_cannot_start_is_missing():
    worker = Worker("no_such", sys.executable, 1)
    assert "no_such" in worker.missing
    worker.close()


@pytest.mark.parametrize(("text", "counts"), [("1", [1]), ("1,1", [1, 1])])
def test_threads_are_one_number_or_several(text, counts):
    assert bench.options(["--threads", text]).threads == counts


@pytest.mark.parametrize("text", ["0", "1,100000", "two"])
def test_other_numbers_of_threads_are_refused(text, capsys):
    with pytest.raises(SystemExit):
        bench.options(["--threads", text])
    assert "--threads" in capsys.readouterr().err
