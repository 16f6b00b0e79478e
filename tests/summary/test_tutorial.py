"""The TensorBoard tutorials write what they write under TensorFlow: tags, steps, values, the graph's names."""

import json
from pathlib import Path

import pytest

import microdl as tf
import microdl.compat.v1 as tf1

pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")

from tests.summary import tutorial
from tests.summary.events import described, graph_names

FROZEN = json.loads(Path(__file__).with_name("tutorial.json").read_text())


@pytest.fixture(scope="module")
def digits():
    return tf.keras.datasets.mnist.load_data()


def close(found, expected):
    """Whether values agree to 1e-4, relative to what is above 1."""
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    return abs(found - expected) <= 1e-4 * max(1, abs(expected))


@pytest.mark.parametrize("name", tutorial.TUTORIALS)
def test_events(name, digits, tmp_path):
    tutorial.TUTORIALS[name](tf1 if name == "with_summaries" else tf, tmp_path, digits)
    for run, expected in FROZEN[name].items():
        found = described(tmp_path / run)
        assert [event[:3] for event in found] == [event[:3] for event in expected]  # tag, step, plugin
        for (*where, value), (*_, wanted) in zip(found, expected, strict=True):
            assert close(value, wanted), (where, value, wanted)
    if name == "with_summaries":
        nodes = graph_names(tmp_path / "train")
        made_of_parts = {"dropout/sub": "Sub"}  # 1 - keep_prob, which is part of the dropout here
        assert FROZEN["graph"].keys() - nodes.keys() == made_of_parts.keys()
        # Variables are reference variables, as TensorFlow 1's were; their initializer is one op here.
        kinds = {"VarHandleOp": "VariableV2", "AddV2": "TruncatedNormal"}
        for key, kind in FROZEN["graph"].items() - made_of_parts.items():
            assert nodes[key] in (kind, kinds.get(kind)), key
