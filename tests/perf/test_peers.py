"""The benchmark of steps: its networks, the check that contestants do the same work, what is printed and drawn."""

import json
import subprocess
import sys
from pathlib import Path

import peers
import pytest
from steps import picture, report
from steps.networks import NETWORKS, Row, rows, weight_shapes, weight_sizes
from steps.sides import CONTESTANTS, OURS
from steps.step import OtherNetwork, Step, check

PEERS = str(Path(__file__).parents[2] / "perf" / "peers.py")
SHAPES = [shape for pair in weight_shapes(NETWORKS["mlp"]) for shape in pair]


def figure(least, **more):
    return {"variant": "", "min": least, "median": 1.1 * least, "rounds": [least], **more}


def test_networks_have_as_many_weights_as_they_should():
    counts = {name: sum(weight_sizes(network)) for name, network in NETWORKS.items()}
    assert counts == {"cnn5": 242_062, "cnn3": 225_034, "mlp": 669_706}


def test_the_networks_are_rows_at_every_batch_size_in_both_modes():
    assert len(rows()) == 3 * 2 * 5
    assert rows()["cnn3 infer 16"] == Row("cnn3", "infer", 16)


def test_all_contestants_get_the_same_data():
    row = rows()["mlp train 16"]
    (images, labels), (again, _) = row.data(), row.data()
    assert images.shape == (16, 28, 28, 1)
    assert labels.shape == (16,)
    assert images.dtype == "float32"
    assert (images == again).all()


def test_a_step_that_learns_is_taken():
    losses = iter(range(100, 0, -5))
    check(Step(lambda: next(losses), SHAPES), rows()["mlp train 16"])


@pytest.mark.parametrize(
    ("run", "shapes", "row", "message"),
    [
        (lambda: 1.0, SHAPES, "mlp train 1", "the loss goes from 1 to 1"),
        (lambda: float("nan"), SHAPES, "mlp train 1", "the loss goes from nan"),
        (lambda: 1.0, SHAPES[:-1], "mlp train 1", "expected"),
        (lambda: [[0.0] * 9], SHAPES, "mlp infer 1", "shape"),
        (lambda: [[float("inf")] * 10], SHAPES, "mlp infer 1", "finite"),
    ],
)
def test_a_step_that_does_other_work_is_refused(run, shapes, row, message):
    with pytest.raises(OtherNetwork, match=message):
        check(Step(run, shapes), rows()[row])


def test_a_block_names_every_contestant_the_fastest_first():
    figures = {
        "microdl-function": figure(2e-3, first_step=1.5, peak=300 << 20),
        "torch-eager": figure(1e-3),
        "torch-compile": {"failed": "no compiler"},
        "jax-jit": {"died": "signal 9"},
    }
    title, _, *lines = report.block(rows()["cnn5 train 64"], figures)
    assert title == "cnn5 train 64: 242,062 weights"
    assert [line.split()[0] for line in lines] == ["PyTorch", "microdl", "torch.compile", "JAX"]
    assert "64,000" in lines[0]
    assert lines[1].split()[2:] == ["2.000", "(2.200)", "32,000", "1.50", "s", "300"]
    assert "failed: no compiler" in lines[2]
    assert "died: signal 9" in lines[3]


def test_the_summary_compares_with_the_fastest_peer():
    row = rows()["mlp infer 64"]
    found = {row.name: {"microdl-eager": figure(2.0), "torch-eager": figure(4.0), "jax-jit": figure(3.0)}}
    _, heading, function, eager = report.summary([row], found)
    assert heading.split()[-2:] == ["batch", "1024"]
    assert "1.50 JAX jit" in eager
    assert "JAX" not in function


def test_the_picture_has_a_panel_for_what_was_measured(tmp_path):
    pytest.importorskip("matplotlib")
    found = {f"mlp train {batch}": {"microdl-eager": figure(1e-3), "torch-eager": {"missing": ""}} for batch in (1, 16)}
    assert picture.points(found, "mlp", "train", "microdl-eager") == [(1, 1000.0), (16, 62.5)]
    assert picture.points(found, "mlp", "train", "torch-eager") == []
    picture.draw(found, {"processor": "", "threads": 1, "date": ""}, tmp_path / "out.png")
    assert (tmp_path / "out.png").stat().st_size > 0


def test_peers_without_a_python_are_absent_and_said_to_be(tmp_path):
    file = tmp_path / "out.json"
    arguments = ["--filter", "^mlp infer 1$", "--quick", "--threads", "1", "--json", str(file)]
    result = subprocess.run([sys.executable, PEERS, *arguments], capture_output=True, text=True, timeout=300)
    assert result.stderr == ""
    assert "JAX jit is absent: no --jax-python was given" in result.stdout
    found = json.loads(file.read_text())
    others = {name: one for name, one in CONTESTANTS.items() if name not in OURS and "cpu" in one.devices}
    assert set(found["absent"]) == {one.name for one in others.values()}
    row = found["rows"]["mlp infer 1"]
    assert row["parameters"] == 669_706
    assert 0 < row["contestants"]["microdl function"]["min"] <= row["contestants"]["microdl function"]["median"]
    assert row["images_per_second"]["microdl eager"] > 0


def test_rows_are_listed_by_pattern(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", [PEERS, "--list", "--filter", "cnn3 .* 64$"])
    peers.main()
    assert capsys.readouterr().out.split("\n") == ["cnn3 train 64", "cnn3 infer 64", ""]


def test_more_threads_than_cores_are_refused(capsys):
    with pytest.raises(SystemExit):
        peers.options(["--threads", "100000"])
    assert "--threads" in capsys.readouterr().err
