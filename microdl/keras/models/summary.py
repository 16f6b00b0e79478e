"""The table that ``Model.summary`` prints: Keras's, which the library rich draws for it.

The width of a column is its share of the line; what is longer is wrapped between words, and a word that is too long
ends in an ellipsis.
"""

import re
import shutil
import sys

from microdl.keras.layers.keras_tensor import FunctionOperation
from microdl.keras.layers.nested import is_shape, map_nested
from microdl.keras.layers.symbolic import without_batch_size
from microdl.keras.naming import camel_case

COLUMNS = (("Layer (type)", 0.45, str.ljust), ("Output Shape", 0.8, str.ljust), ("Param #", 1.0, str.rjust))
CONNECTED = (
    ("Layer (type)", 0.3, str.ljust),
    ("Output Shape", 0.56, str.ljust),
    ("Param #", 0.74, str.rjust),
    ("Connected to", 1.0, str.ljust),
)  # heading, where the column ends as a share of the line, how its text is placed
LINE_LENGTH, CONNECTED_LENGTH, TRAINABLE_LENGTH = 88, 108, 12  # characters at most, if none are asked for
_PLAIN = str.maketrans("┏┓┡┩┳╇├┤┼└┘┴┃│━─…", "+" * 12 + "||--.")


def print_summary(model, line_length=None, print_fn=None, expand_nested=False, show_trainable=False, layer_range=None):
    """Prints a model's layers and numbers of weights. Arguments: see ``Model.summary``."""
    connected = _branches(model)
    columns, length = (CONNECTED, CONNECTED_LENGTH) if connected else (COLUMNS, LINE_LENGTH)
    if show_trainable:
        columns = (*((heading, end * 0.9, place) for heading, end, place in columns), ("Trainable", 1.0, _center))
        length += TRAINABLE_LENGTH
    length = line_length or min(length, shutil.get_terminal_size().columns - 4)
    widths = _widths([end for _, end, _ in columns], length)
    rows = _rows(model, expand_nested, connected, show_trainable, _chosen(model, layer_range))
    places = [place for *_, place in columns]
    lines = [f'Model: "{model.name}"', *_table([heading for heading, *_ in columns], rows, widths, places)]
    text = "\n".join([*lines, *_counts(model)]) + "\n"
    if print_fn is not None:
        print_fn(text)
    else:
        print(_encodable(text, getattr(sys.stdout, "encoding", None) or "utf-8"), end="")


def _counts(model):
    """The lines below the table."""
    weights = [("Trainable params", model.trainable_weights), ("Non-trainable params", model.non_trainable_weights)]
    if model.optimizer is not None and model.optimizer.variables:
        weights.append(("Optimizer params", model.optimizer.variables))
    weights.insert(0, ("Total params", [v for _, variables in weights for v in variables]))
    for heading, variables in weights:
        size, count = sum(v.spec.nbytes for v in variables), sum(v.spec.size for v in variables)
        yield f" {heading}: {count:,} ({_bytes_text(size)})"


def _encodable(text, encoding):
    """``text``, in ASCII if the encoding has no lines and corners."""
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return text.translate(_PLAIN)
    return text


def _branches(model):
    """Whether a model is more than one layer after the other, so that the table says where inputs come from."""
    network = getattr(model, "_network", None)
    if network is None:
        return False
    uses = [id(x) for call in network.calls for x in call.input_tensors]
    several_inputs = any(len(call.input_tensors) != 1 for call in network.calls)
    twice = len({id(call.operation) for call in network.calls}) < len(network.calls)
    return several_inputs or twice or len(set(uses)) < len(uses)


def _chosen(model, layer_range):
    """The layers and operations from the first one whose name begins like a pattern to the last one like another."""
    found = list(model.operations)
    if layer_range is None:
        return found
    names = [operation.name for operation in found]
    if len(layer_range) != 2 or not all(isinstance(pattern, str) for pattern in layer_range):
        raise ValueError(f"summary: layer_range is two names of layers, or patterns of them, got {layer_range!r}")
    first, last = ([i for i, name in enumerate(names) if re.match(pattern, name)] for pattern in layer_range)
    if not first or not last:
        raise ValueError(
            f"Passed layer_names do not match the layer names in the model. Received: {layer_range}; there are {names}"
        )
    if min(first) > max(last):
        first, last = last, first
    return found[min(first) : max(last) + 1]


def _rows(model, expand_nested, connected, show_trainable, operations, depth=0):
    """The cells of every layer and operation."""
    network = getattr(model, "_network", None)
    for operation in operations:
        weights = getattr(operation, "weights", [])
        prefix = "   " * depth + "└ " if depth else ""
        row = [f"{prefix}{operation.name} ({type_name(operation)})", _shape(network, operation)]
        row.append(f"{sum(v.spec.size for v in weights):,}" + " (unbuilt)" * (not getattr(operation, "built", True)))
        if connected:
            row.append(", ".join(connections(network, operation)) if depth == 0 else "-")
        if show_trainable:
            row.append(("Y" if operation.trainable else "N") if weights else "-")
        yield row
        if expand_nested and hasattr(operation, "layers"):
            yield from _rows(operation, expand_nested, connected, show_trainable, operation.operations, depth + 1)


def type_name(operation):
    """``Dense``, or for a function its name in camel case: ``GetItem``."""
    if isinstance(operation, FunctionOperation):
        return camel_case(operation.keras_name)
    return type(operation).__name__


def connections(network, operation):
    """Where the inputs of an operation come from, call after call: ["dense[0][0]", ...]; ["-"] for a model's inputs."""
    tensors = [x for call in network.calls_of(operation) for x in call.input_tensors]
    places = (network.place(x) for x in tensors)
    return [f"{name}[{call}][{output}]" for name, call, output in places] or ["-"]


def _shape(network, operation):
    """``(None, 28, 28, 16)``; ``?`` where a layer was not reached."""
    if network is None:
        shape = map_nested(lambda s: s if s is None else without_batch_size(s), operation._seen_shape, is_leaf=is_shape)
    else:
        calls = network.calls_of(operation) or operation._inbound_nodes
        shape = map_nested(lambda x: getattr(x, "shape", None), calls[-1].outputs)
    text = map_nested(lambda s: "?" if s is None else str(s), shape, is_leaf=is_shape)
    return text if isinstance(text, str) else str(text).replace("'", "")


def _widths(ends, length):
    """Characters of each column, the space at its sides included: together with the lines between them ``length``.

    Each gives up as much as the others of what is too much, as rich does it.
    """
    places = [int(end * length) for end in ends]
    widths = [place - before for place, before in zip(places, [0, *places], strict=False)]
    if min(widths) < 4:
        raise ValueError(f"summary: lines of {length} characters are too short for {len(widths)} columns")
    widths = [width + 2 for width in widths]
    excess = sum(widths) + len(widths) + 1 - length
    for i in range(len(widths)):
        less = round(excess / (len(widths) - i))
        widths[i] -= less
        excess -= less
    return widths


def _table(headings, rows, widths, places):
    """The lines of a table."""

    def line(left, middle, right, fill):
        return left + middle.join(fill * width for width in widths) + right

    def row(cells, bar):
        wrapped = [_wrapped(cell, width - 2) for cell, width in zip(cells, widths, strict=True)]
        for i in range(max(map(len, wrapped))):
            parts = [cell[i] if i < len(cell) else "" for cell in wrapped]
            texts = [f" {place(x, w - 2)} " for x, w, place in zip(parts, widths, places, strict=True)]
            yield bar + bar.join(texts) + bar

    yield line("┏", "┳", "┓", "━")
    yield from row(headings, "┃")
    between = line("┡", "╇", "┩", "━")
    for cells in rows:
        yield between
        yield from row(cells, "│")
        between = line("├", "┼", "┤", "─")
    if between[0] == "┡":
        yield between
    yield line("└", "┴", "┘", "─")


def _wrapped(text, width):
    """The lines of a cell."""
    lines, line = [], ""
    for word in re.findall(r"\s*\S+\s*", text):
        if line and len(line) + len(word.rstrip()) > width:
            lines.append(line)
            line = ""
        line += word
    lines = [x.rstrip() for x in [*lines, line]]
    return [x if len(x) <= width else x[: width - 1] + "…" for x in lines]


def _center(text, width):
    """With the odd space at the right."""
    return (" " * ((width - len(text)) // 2) + text).ljust(width)


def _bytes_text(count):
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if count < 1024 or unit == "TB":
            return f"{count:.2f} {unit}"
        count /= 1024
