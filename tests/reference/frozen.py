"""Frozen cases: inputs and outputs of another framework in one small file. Needs NumPy alone, on both sides.

A file is an .npz with one flat array per dtype and a JSON index; a thousand small arrays cost no thousand zip headers.
"""

import json
import platform
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent


@dataclass
class Case:
    """One call and what came out of it.

    Attributes:
        name: unique in its file, for messages.
        call: public name under the package, as in TensorFlow (``nn.conv2d``, ``keras.layers.Dense``).
        options: keyword arguments that are no arrays; JSON values.
        arrays: inputs and outputs by name.
        terms: for each output, the number of roundings on the way to one element (the longest sum's length).
        scale: for each output of an op that is linear in each input, the largest sum |terms| of any element.
    """

    name: str
    call: str
    options: dict
    arrays: dict
    terms: dict = field(default_factory=dict)
    scale: dict = field(default_factory=dict)

    def tolerance(self, output):
        """Largest absolute difference (one number, or one per element) that rounding alone explains.

        A float32 sum of n terms, added in any order, errs by at most n * eps/2 * sum |terms| (Higham, "Accuracy and
        Stability of Numerical Algorithms", 2002, eq. 4.4). Two such sums are compared, hence terms * eps * scale.
        Where the op is not linear, ``terms`` counts its roundings in the same way, relative to max(1, |output|).
        """
        expected = self.arrays[output]
        scale = self.scale.get(output)
        if scale is None:
            scale = np.maximum(1, np.abs(np.where(np.isfinite(expected), expected, 1)))
        return self.terms[output] * float(np.finfo(np.float32).eps) * scale


def normal(name, shape):
    """Unit-variance values that depend on the name alone, so that a new case leaves the others as they are.

    They have float16's 11 bits, which makes the file smaller; their products and sums round in float32 all the same.
    """
    values = np.random.default_rng(zlib.crc32(name.encode())).normal(size=shape)
    return values.astype(np.float16).astype(np.float32)


def save(file, cases, **versions):
    """Writes ``cases``; versions: of the frameworks that made them."""
    columns, index = {}, []
    for case in cases:
        places = {}
        for name, array in case.arrays.items():
            array = np.asarray(array)
            column = columns.setdefault(array.dtype.name, [])
            places[name] = [array.dtype.name, sum(part.size for part in column), list(array.shape)]
            column.append(array.ravel())
        index.append({**vars(case), "arrays": places})
    versions |= {"numpy": np.__version__, "python": platform.python_version()}
    text = json.dumps({"versions": versions, "cases": index})
    flat = {name: np.concatenate(column) for name, column in columns.items()}
    np.savez_compressed(FOLDER / file, index=np.frombuffer(text.encode(), np.uint8), **flat)
    print(f"{file}: {len(cases)} cases, {(FOLDER / file).stat().st_size / 1024:.0f} KiB, {versions}")


def load(file):
    """The cases of a file."""
    with np.load(FOLDER / file) as stored:
        columns = dict(stored)
    cases = []
    for record in json.loads(columns["index"].tobytes())["cases"]:
        arrays = {}
        for name, (dtype, start, shape) in record["arrays"].items():
            flat = columns[dtype][start : start + int(np.prod(shape))]
            arrays[name] = flat.reshape(shape).copy()
        cases.append(Case(**{**record, "arrays": arrays}))
    return cases
