"""The table that ``Model.summary`` prints."""

import shutil

from microdl.keras.layers.nested import is_shape, map_nested
from microdl.keras.layers.symbolic import without_batch_size

COLUMNS = (("Layer (type)", 0.5), ("Output Shape", 0.3), ("Param #", 0.2))  # heading, share of the line
LINE_LENGTH = 76  # characters


def print_summary(model, line_length=None, print_fn=None, expand_nested=False):
    """Prints a model's layers and numbers of weights. Arguments: see ``Model.summary``."""
    if not model.built:
        raise ValueError(f"summary: model {model.name!r} is not built: call it on an input or build(input_shape) first")
    emit = print_fn or print
    rows = list(_rows(model, expand_nested))
    length = line_length or min(max(_needed(rows), LINE_LENGTH), max(shutil.get_terminal_size().columns, LINE_LENGTH))
    widths = _widths(rows, length)
    emit(f'Model: "{model.name}"')
    emit("_" * length)
    emit(_line([heading for heading, _ in COLUMNS], widths))
    emit("=" * length)
    for row in rows:
        emit(_line(row, widths))
    emit("=" * length)
    for heading, weights in (
        ("Total params", model.weights),
        ("Trainable params", model.trainable_weights),
        ("Non-trainable params", model.non_trainable_weights),
    ):
        emit(f"{heading}: {sum(v.spec.size for v in weights):,} ({_bytes_text(sum(v.spec.nbytes for v in weights))})")
    emit("_" * length)


def _rows(model, expand_nested, depth=0):
    """(layer and type, output shape, number of weights) of every layer, as text."""
    for layer in model.layers:
        name = f"{'  ' * depth}{layer.name} ({type(layer).__name__})"
        yield name, _shape_text(layer._seen_shape), f"{sum(v.spec.size for v in layer.weights):,}"
        if expand_nested and hasattr(layer, "layers"):
            yield from _rows(layer, expand_nested, depth + 1)


def _shape_text(shape):
    """``(None, 28, 28, 16)``; ``?`` where a layer was not reached."""
    text = map_nested(lambda s: "?" if s is None else str(without_batch_size(s)), shape, is_leaf=is_shape)
    return text if isinstance(text, str) else str(text).replace("'", "")


def _needed(rows):
    """Characters of a line in which no column is cut."""
    return sum(max(len(heading), *(len(row[i]) for row in rows), 0) + 1 for i, (heading, _) in enumerate(COLUMNS))


def _widths(rows, length):
    """Characters of each column: its share of the line, or what its text needs where there is room."""
    if _needed(rows) > length:
        return [int(length * share) for _, share in COLUMNS]
    needed = [max([len(heading), *(len(row[i]) for row in rows)]) + 1 for i, (heading, _) in enumerate(COLUMNS)]
    spare = length - sum(needed)
    return [width + int(spare * share) for width, (_, share) in zip(needed, COLUMNS, strict=True)]


def _line(cells, widths):
    """The cells side by side; one that is too long for its column ends in an ellipsis."""
    parts = []
    for cell, width in zip(cells, widths, strict=True):
        parts.append((cell if len(cell) < width else cell[: max(width - 4, 0)] + "...").ljust(width))
    return "".join(parts).rstrip()


def _bytes_text(count):
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.2f} KB" if count < 1024**2 else f"{count / 1024**2:.2f} MB"
