"""How many of TensorFlow's public names microdl has, module by module. Run from the root:

    python -m tests.tensorflow.names             the table
    python -m tests.tensorflow.names keras.ops   the names of one module that are left out ("tf" for the top)

A name counts as tested if what it stands for is used, under this or another name, in one of the cases and scripts whose
results are compared with TensorFlow's. Where a case asks a module for names by ``getattr``, those in its tables count.
TensorFlow's names are those of ``names.json`` (``freeze_names.py``).
"""

import ast
import importlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import microdl

TESTS = Path(__file__).parents[1]
STORED = json.loads(Path(__file__).with_name("names.json").read_text())
# Folders whose results are compared with TensorFlow's, and what ``tf`` is in them.
COMPARED = {
    "tensorflow/cases": "microdl",
    "tensorflow/scripts": "microdl",
    "keras/guides": "microdl",
    "reference": "microdl",
    "seeds/scripts": "microdl",
    "compat/cases": "microdl.compat.v1",
    "compat/scripts": "microdl.compat.v1",
}
LIBRARIES = "microdl", "tensorflow", "keras"
_NOTHING = object()


@dataclass
class Count:
    """Of one module: TensorFlow's ``names``, and those among them that are ``offered``, ``tested`` and ``left_out``."""

    names: list
    offered: list
    tested: list
    left_out: list
    here: bool  # whether microdl has the module


def counts():
    """A Count for each module of TensorFlow's."""
    tested = _tested()
    found = {}
    for module, names in STORED["modules"].items():
        ours = _lookup(f"microdl.{module}".rstrip("."))
        values = {name: _NOTHING if ours is _NOTHING else _attribute(ours, name) for name in names}
        offered = [name for name in names if values[name] is not _NOTHING]
        known = [name for name in offered if _identity(values[name]) in tested]
        left_out = [name for name in names if values[name] is _NOTHING]
        found[module or "tf"] = Count(names, offered, known, left_out, ours is not _NOTHING)
    return found


def table(found):
    """The counts as text."""
    lines = [f"{'module':<26}{'TensorFlow':>11}{'offered':>9}{'tested':>8}{'left out':>10}"]
    total = [0, 0, 0, 0]
    for module, count in found.items():
        numbers = [len(part) for part in (count.names, count.offered, count.tested, count.left_out)]
        total = [a + b for a, b in zip(total, numbers, strict=True)]
        label = "tf" if module == "tf" else f"tf.{module}"
        lines.append(_line(label, numbers) + ("" if count.here else "   the whole module"))
    versions = ", ".join(f"{name} {version}" for name, version in STORED["versions"].items())
    return "\n".join(
        [*lines, _line("all", total), f"Names of {versions}; one that stands in two modules counts twice."]
    )


def _line(label, numbers):
    names, offered, tested, left_out = numbers
    return f"{label:<26}{names:>11}{offered:>9}{tested:>8}{left_out:>10}"


def _lookup(path):
    """What a dotted path stands for, or _NOTHING."""
    value = microdl
    for name in path.split(".")[1:]:
        value = _attribute(value, name)
        if value is _NOTHING:
            break
    return value


def _attribute(value, name):
    try:
        return getattr(value, name)
    except (AttributeError, ImportError):
        return _NOTHING


def _identity(value):
    """What tells values apart: themselves, or for plain ones their value."""
    return (type(value), value) if isinstance(value, (int, float, str, bool, type(None))) else id(value)


def _tested():
    """The identities of all that the compared cases and scripts name."""
    found = set()
    for folder, root in COMPARED.items():
        for path in (TESTS / folder).glob("*.py"):
            found.update(_identity(value) for value in _named(ast.parse(path.read_text()), root))
    return found


def _named(tree, root):
    """The values that a file names: attributes of ``tf``, and of what it imports of microdl or TensorFlow."""
    known = {"tf": importlib.import_module(root), "keras": microdl.keras}  # as cases call them
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            start = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                path = f"{start}{alias.name}"
                first = path.split(".")[0]
                value = _lookup(f"microdl.{path}" if first == "keras" else path) if first in LIBRARIES else _NOTHING
                if value is not _NOTHING and alias.asname != "tf":
                    known[alias.asname or alias.name] = value
    yield from known.values()
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in prose]
    texts = {word for node in constants if isinstance(node.value, str) for word in node.value.split()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            # ``getattr(keras.losses, name)``: the names stand somewhere in the file, in a table
            owner = _value_of(node.args[0], known)
            yield from (_attribute(owner, text) for text in texts if owner is not _NOTHING and text.isidentifier())
        names = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name) and node.id in known:
            value = known[node.id]
            for name in reversed(names):
                value = _attribute(value, name)
                if value is _NOTHING:
                    break
                yield value


def _value_of(node, known):
    """What an expression of names and attributes stands for, or _NOTHING."""
    if isinstance(node, ast.Name):
        return known.get(node.id, _NOTHING)
    if isinstance(node, ast.Attribute) and (owner := _value_of(node.value, known)) is not _NOTHING:
        return _attribute(owner, node.attr)
    return _NOTHING


if __name__ == "__main__":
    found = counts()
    for module in sys.argv[1:]:
        print(f"{module}: {' '.join(found[module].left_out)}")
    if not sys.argv[1:]:
        print(table(found))
