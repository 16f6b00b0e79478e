"""What the guides' programs share: data, first weights, and results as plain values."""

import numpy as np


def data(seed, *shape):
    """Numbers of the standard normal distribution, float32."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def classes(seed, count, number):
    """Class numbers, (count,)."""
    return np.random.default_rng(seed).integers(0, number, count)


def give_weights(model, seed=0):
    """Gives a model weights that do not depend on who draws them; variances stay positive."""
    generator = np.random.default_rng(seed)
    weights = [generator.normal(scale=0.3, size=w.shape).astype(np.float32) for w in model.get_weights()]
    model.set_weights([np.abs(w) if w.ndim == 1 else w for w in weights])


def plain(value):
    """Arrays, tensors and shapes as lists and numbers."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if hasattr(value, "numpy"):
        value = value.numpy()
    if isinstance(value, (np.ndarray, np.generic)):
        value = np.round(np.asarray(value, np.float64), 6).tolist()
    return value


def summary_rows(model):
    """(layer and type, shape, number of weights, connections) of each row of a summary, without the frames."""
    lines = []
    model.summary(print_fn=lambda line, **_: lines.extend(line.split("\n")), line_length=150)
    rows, columns = [], None
    for line in lines:
        if line.startswith("Layer (type)"):
            columns = [line.index(heading) for heading in HEADINGS if heading in line]
        elif line.startswith("│"):  # Keras
            _joined(rows, [cell.strip() for cell in line.strip("│").split("│")])
        elif columns and not line.startswith(("=", "_", "Total", "Trainable", "Non")):
            _joined(rows, [line[a:b].strip() for a, b in zip(columns, [*columns[1:], None], strict=True)])
    return rows


def _joined(rows, cells):
    """Adds a row, or the next line of one."""
    if cells[1]:
        rows.append(cells)
    else:
        rows[-1] = [f"{above} {cell}".strip() for above, cell in zip(rows[-1], cells, strict=True)]


HEADINGS = ("Layer (type)", "Output Shape", "Param #", "Connected to")


def totals(model):
    """Numbers of all weights, of the trained ones and of the others."""
    groups = model.weights, model.trainable_weights, model.non_trainable_weights
    return [int(sum(np.prod(tuple(w.shape), dtype=int) for w in group)) for group in groups]


def structure(config):
    """Of a functional model's configuration what says how the layers are connected."""
    layers = []
    for layer in config["layers"]:
        calls = [[_places(node["args"]), _places(node["kwargs"])] for node in layer["inbound_nodes"]]
        layers.append([layer["class_name"], layer["name"], calls])
    return {"layers": layers, "inputs": plain(config["input_layers"]), "outputs": plain(config["output_layers"])}


def _places(value):
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return [list(value["config"]["keras_history"]), list(value["config"]["shape"])]
        return {key: _places(part) for key, part in value.items() if key not in ("mask", "training")}  # None
    return [_places(part) for part in value] if isinstance(value, (list, tuple)) else value
