"""Freezes what the pipelines of ``pipelines.py`` give in TensorFlow: ``python tests/reference/make_data.py``.

Needs TensorFlow, which nothing else here does. Writes ``data.json`` beside itself.
"""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf
from pipelines import cases, outcome

FILE = Path(__file__).with_name("data.json")


def main():
    frozen = {"versions": {"tensorflow": tf.__version__, "numpy": np.__version__}}
    outcomes = {name: outcome(tf, make) for name, make in cases(tf).items()}
    lines = [f"{json.dumps(name)}: {json.dumps(result)}" for name, result in outcomes.items()]
    head = json.dumps(frozen)[1:-1]
    FILE.write_text("{" + head + ',\n"cases": {\n' + ",\n".join(lines) + "\n}}\n")
    print(f"{FILE.name}: {len(outcomes)} pipelines, TensorFlow {tf.__version__}")


if __name__ == "__main__":
    main()
