"""Keras's HDF5 files: weights come in from Keras, and go out to it. Needs h5py.

Keras 3 (``.weights.h5``, and inside of ``.keras``) keeps a layer's variables as ``<path>/vars/0``, ``/1``..., the
trainable ones first. The path is made of attributes; in lists and dicts, and for the layers of Sequential and
functional models, of the classes' names: ``layers/conv2d_1/vars/0``. Older files (``.h5``) list layers and weights in
their order.
"""

import io
import json

import numpy as np

from microdl.core.errors import DataLossError
from microdl.core.optional import require
from microdl.keras.layers.nested import unique
from microdl.keras.layers.weights import HasWeights
from microdl.keras.naming import snake_case
from microdl.keras.persistence.places import named_weights
from microdl.saving.atomic import write_bytes
from microdl.saving.checksum import checksum

ENDING = ".weights.h5"
LEGACY = (".h5", ".hdf5")
_CHECKSUM = "sha256"  # attribute of a variable that was written here
_NOT_OURS = ("optimizer", "seed_generator")  # groups of state that is no weight


def write(path, model):
    """Writes a model's weights as Keras 3 does, with a checksum each, which Keras does not look at."""
    h5py = require("h5py", "save_weights to a .h5 file")
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for place, layer in _walk(model):
            group = file.require_group(f"{place}/vars" if place else "vars")
            group.attrs["name"] = layer.name
            for i, variable in enumerate(_variables(layer)):
                array = variable.numpy()
                dataset = group.create_dataset(str(i), data=array)
                dataset.attrs[_CHECKSUM] = checksum(f"{group.name}/{i}", array).hex()
    write_bytes(path, content.getbuffer())


def read(caller, path, file, model):
    """The weights that a file holds for ``model``, by their places in it.

    Args: caller, path: for messages. file: path or binary file.
    Raises: DataLossError for a file that cannot be read. ValueError that names layers which do not fit.
    """
    h5py = require("h5py", f"{caller} of a .h5 file")
    try:
        with h5py.File(file, "r") as opened:
            groups = _groups(caller, path, opened, h5py)
    except DataLossError:
        raise
    except Exception as error:  # h5py has no one error for a damaged file, and other programs have other layouts
        raise DataLossError(f"{caller}: {path} is damaged or no HDF5 file of Keras: {error}") from None
    if isinstance(groups, list):
        return _by_order(caller, path, groups, model)
    return _by_path(caller, path, groups, model)


def read_optimizer(file):
    """The optimizer's variables in a file of Keras 3, in order; none if it has no optimizer."""
    h5py = require("h5py", "load_model of a file of Keras")
    with h5py.File(file, "r") as opened:
        group = opened.get("optimizer/vars")
        return [] if group is None else [np.asarray(group[str(i)]) for i in range(len(group))]


def read_description(caller, path):
    """(configuration, how it was compiled, the optimizer's variables) of a whole model in an old file.

    The second is None, and the third empty, for a model that was not compiled.
    """
    h5py = require("h5py", f"{caller} of a .h5 file")
    try:
        with h5py.File(path, "r") as opened:
            config, training = (opened.attrs.get(name) for name in ("model_config", "training_config"))
            group = opened.get("optimizer_weights", {})
            values = [np.asarray(group[name]) for name in group.attrs["weight_names"]] if group else []
    except Exception as error:  # as in ``read``
        raise DataLossError(f"{caller}: {path} is damaged or no HDF5 file of Keras: {error}") from None
    if config is None:
        raise ValueError(f"{caller}: {path} holds weights alone; make the model, and load them with load_weights")
    return json.loads(config), None if training is None else json.loads(training), values


def _groups(caller, path, opened, h5py):
    """A dict from paths to the lists of their arrays; for an old file a list of (layer's name, arrays)."""
    old = opened.get("model_weights", opened)
    if "layer_names" in old.attrs:
        names = [name if isinstance(name, str) else name.decode() for name in old.attrs["layer_names"]]
        return [(name, [np.asarray(old[name][w]) for w in old[name].attrs["weight_names"]]) for name in names]
    groups = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            place, _, number = name.rpartition("/")
            array = np.asarray(item)
            if (expected := item.attrs.get(_CHECKSUM)) is not None and expected != checksum(item.name, array).hex():
                raise DataLossError(
                    f"{caller}: {path} is damaged: variable {name!r} does not have the checksum stored with it"
                )
            groups.setdefault(place, {})[int(number)] = array

    opened.visititems(visit)
    return {place: [arrays[i] for i in sorted(arrays)] for place, arrays in groups.items()}


def _by_path(caller, path, groups, model):
    places = {id(v): name for name, v in named_weights(caller, model).items()}
    stored, used = {}, set()
    for place, layer in _walk(model):
        group = f"{place}/vars" if place else "vars"
        variables, arrays = _variables(layer), groups.get(group, [])
        used.add(group)
        if len(variables) != len(arrays):
            raise ValueError(
                f"{caller}: {path} holds {len(arrays)} variables in {group!r}, layer {layer.name!r} "
                f"({type(layer).__name__}) has {len(variables)}"
            )
        stored.update({places[id(v)]: array for v, array in zip(variables, arrays, strict=True)})
    left = [g for g in groups if g not in used and not any(part in g.split("/") for part in _NOT_OURS)]
    if left:
        raise ValueError(f"{caller}: {path} holds variables in {left[0]!r}, where model {model.name!r} has no layer")
    return stored


def _by_order(caller, path, groups, model):
    places = {id(v): name for name, v in named_weights(caller, model).items()}
    filled = [(name, arrays) for name, arrays in groups if arrays]
    layers = [layer for layer in model.layers if layer.weights]
    if len(filled) != len(layers):
        raise ValueError(
            f"{caller}: {path} holds weights of {len(filled)} layers ({', '.join(name for name, _ in filled)}), "
            f"model {model.name!r} has {len(layers)} ({', '.join(layer.name for layer in layers)})"
        )
    stored = {}
    for (name, arrays), layer in zip(filled, layers, strict=True):
        weights = _trained_first(layer.weights, [v for _, part, _ in layer._tree() for v in part._frozen])
        if len(weights) != len(arrays):
            raise ValueError(
                f"{caller}: {path} holds {len(arrays)} variables of layer {name!r}, layer {layer.name!r} "
                f"({type(layer).__name__}) has {len(weights)}"
            )
        stored.update({places[id(v)]: array for v, array in zip(weights, arrays, strict=True)})
    return stored


def _walk(model, place="", seen=None):
    """(path, layer) for a model and all layers in it, as Keras 3 names them.

    Attributes come in the order of the alphabet, private ones last; a model's list of layers counts as an attribute
    ``layers``, which is the first one in Sequential and functional models. The first path to a layer is its own.
    """
    seen = set() if seen is None else seen
    if id(model) in seen:
        return
    seen.add(id(model))
    yield place, model
    parts = dict(vars(model))
    if hasattr(model, "layers"):
        parts["layers"] = model.layers
    listed = any(base.__name__ in ("Functional", "Sequential") for base in type(model).__mro__)
    for name in sorted(parts, key=lambda name: (not (listed and name == "layers"), name.startswith("_"), name)):
        path = f"{place}/{name}" if place else name
        if isinstance(parts[name], HasWeights):
            yield from _walk(parts[name], path, seen)
        elif isinstance(parts[name], (list, tuple, dict)):
            yield from _walk_container(parts[name], path, seen)


def _walk_container(container, place, seen):
    used: dict[str, int] = {}
    for part in container.values() if isinstance(container, dict) else container:
        kind = snake_case(type(part).__name__) if isinstance(part, HasWeights) else "container"
        if kind == "container" and not isinstance(part, (list, tuple, dict)):
            continue
        used[kind] = used.get(kind, -1) + 1
        name = f"{place}/{kind}_{used[kind]}" if used[kind] else f"{place}/{kind}"
        walk = _walk if isinstance(part, HasWeights) else _walk_container
        yield from walk(part, name, seen)


def _variables(layer):
    """A layer's own Variables in Keras's order."""
    return _trained_first(layer._tracked()[0], layer._frozen)


def _trained_first(variables, frozen):
    """What ``add_weight`` made trainable comes before what it did not, whether or not it is frozen now."""
    trained = {id(v) for v in frozen} | {id(v) for v in variables if v.trainable}
    return unique([v for v in variables if id(v) in trained] + list(variables))
