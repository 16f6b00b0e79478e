"""Every line of code in the documents, and every line of the scripts made of them, is accounted for in lines.tsv."""

import csv
import re
from pathlib import Path
from typing import NamedTuple

import pytest

FOLDER = Path(__file__).parent
STATES = {"typed", "import", "repaired", "restored", "shown", "tested", "notebook", "note"}


class Row(NamedTuple):
    document: str
    line: int
    script: str
    state: str
    typed: str
    here: str
    why: str


def rows():
    with (FOLDER / "lines.tsv").open(newline="") as file:
        _, *records = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    return [
        Row(record[0], int(record[1]), *record[2:4], *(text.replace("\\n", "\n") for text in record[4:6]), record[6])
        for record in records
    ]


ROWS = rows()
SCRIPTS = {path.name: path.read_text() for path in (FOLDER / "scripts").glob("*.py")}


def squeezed(text):
    """Without white space: the documents lost indentation and line breaks."""
    return re.sub(r"\s+", "", text)


def test_five_documents_are_accounted_for():
    assert {row.document for row in ROWS} == {"000", "001", "002", "003", "004"}
    assert {row.script for row in ROWS} == set(SCRIPTS)
    assert {row.state for row in ROWS} == STATES


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_is_typed_stands_in_the_script(name):
    script = squeezed(SCRIPTS[name])
    expected = [row.here or row.typed for row in ROWS if row.script == name and row.state in ("typed", "import")]
    expected += [row.here for row in ROWS if row.script == name and row.state in ("repaired", "restored")]
    assert [text for text in expected if squeezed(text) not in script] == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_line_of_a_script_comes_from_somewhere(name):
    known = squeezed("|".join(row.here or row.typed for row in ROWS if row.script == name))
    assert [line for line in SCRIPTS[name].splitlines() if squeezed(line) not in known] == []


def test_repairs_say_what_was_wrong():
    assert [row for row in ROWS if row.state in ("repaired", "restored", "notebook", "note") and not row.why] == []
    assert [row for row in ROWS if row.state == "import" and "tensorflow" not in row.typed] == []


def test_the_scripts_import_microdl_in_tensorflows_place():
    assert [name for name, script in SCRIPTS.items() if "tensorflow" in script] == []
    assert [name for name, script in SCRIPTS.items() if "as tf\n" not in script] == []
