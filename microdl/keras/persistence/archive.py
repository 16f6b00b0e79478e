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
    return arrays, {"trained": json.dumps(trained), "names": json.dumps([v.name for v in optimizer.variables])}


def load_model(filepath, custom_objects=None, compile=True, safe_mode=True):
    """The model in a ``.keras`` file, of microdl or Keras 3: built, with its weights, ready to be trained further.

    Args:
        filepath: str or path-like. custom_objects: dict from names to the user's own classes and functions, unless they
            are registered. compile: bool, whether to compile it as it was, and give the optimizer its state back.
        safe_mode: accepted for Keras's sake: code in a file is never run.

    Raises:
        FileNotFoundError. DataLossError: (a ValueError) if the file is damaged. ValueError: for classes that are not
        known, or weights that do not fit what their model was built to.
    """
    path = checked_path("load_model", filepath, (ENDING,))
    members = _members("load_model", path)
    config = json.loads(members[CONFIG])
    if not compile:
        config["compile_config"] = None
    try:
        model = deserialize_keras_object(config, custom_objects)
    except Exception as error:
        error.add_note(f"while load_model made the model of {path}")
        raise
    fill("load_model", path, model, _weights("load_model", path, members, model))
    if model.optimizer is not None:
        _restore_optimizer(path, members, model)
    return model


def read_weights(caller, path, model):
    """The model's weights in a ``.keras`` file, by place."""
    return _weights(caller, path, _members(caller, path), model)


def _weights(caller, path, members, model):
    if WEIGHTS in members:
        return safetensors.unpack(members[WEIGHTS], f"{path} ({WEIGHTS})", caller)[0]
    return hdf5.read(caller, f"{path} ({KERAS_WEIGHTS})", io.BytesIO(members[KERAS_WEIGHTS]), model)


def _restore_optimizer(path, members, model):
    optimizer, weights = model.optimizer, named_weights("load_model", model)
    if OPTIMIZER in members:
        state, metadata = safetensors.unpack(members[OPTIMIZER], f"{path} ({OPTIMIZER})", "load_model")
        trained, values = json.loads(metadata["trained"]), [state[f"variables/{i}"] for i in range(len(state))]
    elif KERAS_WEIGHTS in members:
        values = hdf5.read_optimizer("load_model", f"{path} ({KERAS_WEIGHTS})", io.BytesIO(members[KERAS_WEIGHTS]))
        trained = [name for name, v in weights.items() if any(v is w for w in model.trainable_variables)]
        trained = trained if len(values) > 2 else []
    else:
        return
    if None in trained:
        warn(f"load_model: {path}: the optimizer starts anew: it updated variables that are not the model's")
        return
    if trained and not optimizer.built:
        optimizer.build([weights[name] for name in trained])
    variables = optimizer.variables
    if len(values) != len(variables):
        raise ValueError(
            f"load_model: {path}: the file holds {len(values)} variables of the optimizer, {optimizer.name!r} has "
            f"{len(variables)}; load_model(path, compile=False) does without it"
        )
    where = f"load_model: {path}"
    fitting = [fitted(where, f"optimizer/variables/{i}", a, v) for i, (a, v) in enumerate(zip(values, variables))]  # noqa: B905
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
