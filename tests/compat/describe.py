"""What a case gives, as JSON, each in a graph of its own. Tensors, variables and operations are their reprs."""

import importlib
import inspect
from pathlib import Path
from typing import Any

from tests.tensorflow import describe as described

FOLDER = Path(__file__).parent
FROZEN = FOLDER / "frozen.json"


def cases():
    """Every public function of the modules in ``cases/`` whose one argument is ``tf``, by ``module.function``."""
    found = {}
    for path in sorted((FOLDER / "cases").glob("[!_]*.py")):
        module = importlib.import_module(f"tests.compat.cases.{path.stem}")
        for name, function in vars(module).items():
            own = inspect.isfunction(function) and function.__module__ == module.__name__
            if own and not name.startswith("_") and list(inspect.signature(function).parameters) == ["tf"]:
                found[f"{path.stem}.{name}"] = function
    return found


def outcome(function, tf):
    """``describe`` of what ``function`` returns, or the classes of the error that it raises."""
    tf.reset_default_graph()
    return described.outcome(lambda: _plain(function(tf)))


def _plain(value):
    if hasattr(value, "graph"):
        return repr(value)
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value] if isinstance(value, list) else tuple(map(_plain, value))
    return value


def run(tf, fetches, feeds=None):
    """The values of ``fetches`` in a session whose variables have their initial values."""
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        return session.run(fetches, feeds)


def said(function, words) -> Any:
    """The line with ``words`` of the error that ``function`` raises, and the error's class."""
    try:
        function()
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if words in line]
        return type(error).__name__, lines[0] if lines else str(error)
    return None
