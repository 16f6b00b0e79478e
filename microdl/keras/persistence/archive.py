"""Whole models in one ``.keras`` file, a zip archive laid out as Keras 3 does it:

    metadata.json                   which version wrote it, and when
    config.json                     the model's configuration, how it was built and compiled
    model.weights.safetensors       its weights (Keras 3: ``model.weights.h5``, which is read, too)
    optimizer.weights.safetensors   steps, learning rate and slots of its optimizer

Nothing in it is code. Files of Keras itself are read as far as microdl has the layers.
"""

import io
import json
import time
import zipfile
from pathlib import Path

from microdl.core.context import warn
from microdl.core.errors import DataLossError
from microdl.keras.persistence import hdf5
from microdl.keras.persistence.places import fill, fitted, named_weights
from microdl.keras.persistence.serialization import deserialize_keras_object, serialize_keras_object
from microdl.saving import safetensors
from microdl.saving.arrays import checked_path
from microdl.saving.atomic import replacing
from microdl.saving.zips import last_member, stored_member

ENDING = ".keras"
LARGEST_PACKED = 2**28  # bytes of a member up to which it may have been compressed to next to nothing
CONFIG, METADATA = "config.json", "metadata.json"
WEIGHTS, OPTIMIZER, KERAS_WEIGHTS = "model.weights.safetensors", "optimizer.weights.safetensors", "model.weights.h5"


def save_model(model, filepath, overwrite=True, zipped=None, include_optimizer=True):
    """Writes a model to a ``.keras`` file, whole or not at all: architecture, weights, and how it is being trained.

    Args:
        model: Model. filepath: str or path-like, ending in ``.keras``. overwrite: bool, whether a file may be replaced.
        zipped: None or True. include_optimizer: bool, whether to keep the optimizer's state.

    Raises: ValueError for another ending, or a model whose parts cannot be described. FileExistsError. OSError.
    """
    path = checked_path("save", filepath, (ENDING,))
    if path.exists() and not overwrite:
        raise FileExistsError(f"save: {path} exists already, and overwrite is False")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"save: {path}: there is no folder {path.parent}; make it first")
    weights = named_weights("save", model)
    parts = {
        METADATA: [json.dumps({"format": "microdl", "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S")}).encode()],
        CONFIG: [json.dumps(serialize_keras_object(model)).encode()],
        WEIGHTS: safetensors.pack(path, {name: v.numpy() for name, v in weights.items()}, {}),
    }
    if include_optimizer and model.optimizer is not None:
        parts[OPTIMIZER] = safetensors.pack(path, *_optimizer_state(model.optimizer, weights))
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, contents in parts.items():
            with archive.open(name, "w", force_zip64=True) as member:
                for content in contents:
                    member.write(content)


def _optimizer_state(optimizer, weights):
    """The optimizer's variables by number, and for the metadata the places of the weights that it updates."""
    places = {id(variable): name for name, variable in weights.items()}
    trained = [places.get(id(v)) for v in optimizer._trainable_variables]
    arrays = {f"variables/{i}": v.numpy() for i, v in enumerate(optimizer.variables)}
    kept = {
        "trained": trained,
        "decay": optimizer.decay_exclusions(places),
        "names": [v.name for v in optimizer.variables],
    }
    return arrays, {key: json.dumps(value) for key, value in kept.items()}


def load_model(filepath, custom_objects=None, compile=True, safe_mode=True):
    """The model in a ``.keras`` file, of microdl or Keras 3: built, with its weights, ready to be trained further.

    Args:
        filepath: str or path-like; ``.h5`` files of older Keras are read, too.
        custom_objects: dict from names to the user's own classes and functions, unless they are registered.
        compile: bool, whether to compile it as it was, and give the optimizer its state back.
        safe_mode: accepted for Keras's sake: code in a file is never run.

    Raises:
        FileNotFoundError. DataLossError: (a ValueError) if the file is damaged. ValueError: for classes that are not
        known, or weights that do not fit what their model was built to.
    """
    path = checked_path("load_model", filepath, (ENDING, *hdf5.LEGACY))
    if path.suffix in hdf5.LEGACY:
        return _load_old(path, custom_objects, compile)
    members = _members("load_model", path)
    config = json.loads(members[CONFIG])
    if not compile:
        config["compile_config"] = None
    model = _made(path, config, custom_objects)
    fill("load_model", path, model, _weights("load_model", path, members, model))
    if model.optimizer is not None:
        _restore_optimizer(path, members, model)
    return model


def _load_old(path, custom_objects, compile):
    """The model in an HDF5 file, the format of whole models before Keras 3."""
    if not path.is_file():
        raise FileNotFoundError(f"load_model: there is no file {path}")
    config, training, values = hdf5.read_description("load_model", path)
    model = _made(path, config, custom_objects)
    fill("load_model", path, model, hdf5.read("load_model", path, path, model))
    if compile and training:
        training["optimizer"] = training.pop("optimizer_config", "rmsprop")
        model.compile_from_config(deserialize_keras_object(training, custom_objects))
        _give_state(path, model, _trainable_places(model), values)
    return model


def _made(path, config, custom_objects):
    try:
        return deserialize_keras_object(config, custom_objects)
    except Exception as error:
        error.add_note(f"while load_model made the model of {path}")
        raise


def read_weights(caller, path, model):
    """The model's weights in a ``.keras`` file, by place."""
    return _weights(caller, path, _members(caller, path), model)


def _weights(caller, path, members, model):
    if WEIGHTS in members:
        return safetensors.unpack(members[WEIGHTS], f"{path} ({WEIGHTS})", caller)[0]
    return hdf5.read(caller, f"{path} ({KERAS_WEIGHTS})", io.BytesIO(members[KERAS_WEIGHTS]), model)


def _restore_optimizer(path, members, model):
    if OPTIMIZER in members:
        state, metadata = safetensors.unpack(members[OPTIMIZER], f"{path} ({OPTIMIZER})", "load_model")
        values = [state[f"variables/{i}"] for i in range(len(state))]
        weights = named_weights("load_model", model)
        model.optimizer.restore_decay_exclusions(json.loads(metadata["decay"]), weights)
        _give_state(path, model, json.loads(metadata["trained"]), values)
    elif KERAS_WEIGHTS in members:
        values = hdf5.read_optimizer(io.BytesIO(members[KERAS_WEIGHTS]))
        _give_state(path, model, _trainable_places(model), values)


def _trainable_places(model):
    trainable = {id(v) for v in model.trainable_variables}
    return [name for name, v in named_weights("load_model", model).items() if id(v) in trainable]


def _give_state(path, model, trained, values):
    """Makes the optimizer's slots and gives it its state.

    Args: trained: places of the weights that it updates. values: arrays of its variables, in their order.
    """
    optimizer, weights = model.optimizer, named_weights("load_model", model)
    if None in trained:
        warn(f"load_model: {path}: the optimizer starts anew: it updated variables that are not the model's")
        return
    if len(values) > len(optimizer.variables):  # it has made steps
        optimizer.build([weights[name] for name in trained])
    variables = optimizer.variables
    if len(values) < len(variables) and values:  # older Keras kept no learning rate
        variables = [v for v in variables if v is not optimizer._learning_rate]
    if len(values) != len(variables):
        raise ValueError(
            f"load_model: {path}: the file holds {len(values)} variables of the optimizer, {optimizer.name!r} has "
            f"{len(variables)}; load_model(path, compile=False) does without it"
        )
    where, pairs = f"load_model: {path}", list(zip(variables, values, strict=True))
    fitting = [fitted(where, f"optimizer/variables/{i}", array, v) for i, (v, array) in enumerate(pairs)]
    for variable, array in zip(variables, fitting, strict=True):
        variable.assign(array)


def _members(caller, path):
    """The archive's members: dict from names to bytes. Weights are not checked: their own format does that."""
    if not path.is_file():
        raise FileNotFoundError(f"{caller}: there is no file {path}")
    content = Path(path).read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = {info.filename: info for info in archive.infolist()}
            if any(info.file_size > max(LARGEST_PACKED, 100 * info.compress_size) for info in infos.values()):
                raise ValueError("a member is many times larger than what is stored of it")
            members = {
                name: stored_member(content, info) if name in (WEIGHTS, OPTIMIZER) else archive.read(name)
                for name, info in infos.items()
                if name in (CONFIG, METADATA, WEIGHTS, OPTIMIZER, KERAS_WEIGHTS)
            }
    except Exception as error:  # zipfile has no one error for a damaged archive
        _explain_cut(caller, path, content)
        raise DataLossError(f"{caller}: {path} is damaged or no {ENDING} file: {error}") from None
    missing = [name for name in (CONFIG, WEIGHTS) if name not in members]
    if CONFIG in missing or (missing and KERAS_WEIGHTS not in members):
        raise DataLossError(f"{caller}: {path} is damaged or no {ENDING} file: it has no {missing[0]}")
    return members


def _explain_cut(caller, path, content):
    """Raises DataLossError that names the variable within which the file ends, if it ends within one."""
    last = last_member(content)
    if last is not None and last[0] in (WEIGHTS, OPTIMIZER):
        name, begin = last
        safetensors.unpack(content[begin:], f"{path} ({name})", caller)
