"""``Model.save_weights`` and ``load_weights``: a model's weights in a file whose ending says the format.

.safetensors    values and checksums, readable by every program that knows the format
.npz            the same for NumPy alone
.weights.h5     Keras 3's own, to exchange weights with it; ``.h5`` and ``.hdf5`` of older Keras are read, too
.keras          read only: the weights of a whole model
"""

from microdl.keras.persistence import archive, hdf5
from microdl.keras.persistence.places import fill, named_weights
from microdl.saving.arrays import FORMATS, checked_path, read_arrays, write_arrays

WRITTEN = (*FORMATS, hdf5.ENDING)
READ = (*FORMATS, hdf5.ENDING, *hdf5.LEGACY, archive.ENDING)


def save_weights(model, filepath, overwrite=True):
    """Writes a model's weights. Arguments and errors: see ``Model.save_weights``."""
    path = checked_path("save_weights", filepath, WRITTEN)
    if path.exists() and not overwrite:
        raise FileExistsError(f"save_weights: {path} exists already, and overwrite is False")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"save_weights: {path}: there is no folder {path.parent}; make it first")
    weights = named_weights("save_weights", model)
    if not weights:
        raise ValueError(f"save_weights: model {model.name!r} has no weights yet: call it or build(input_shape) first")
    if path.name.endswith(hdf5.ENDING):
        hdf5.write(path, model)
    else:
        write_arrays(path, {name: variable.numpy() for name, variable in weights.items()})


def load_weights(model, filepath, skip_mismatch=False):
    """Reads a model's weights; nothing changes unless all fit. Arguments and errors: see ``Model.load_weights``."""
    path = checked_path("load_weights", filepath, READ)
    if not named_weights("load_weights", model):
        raise ValueError(f"load_weights: model {model.name!r} has no weights yet: call it or build(input_shape) first")
    if not path.is_file():
        raise FileNotFoundError(f"load_weights: there is no file {path}")
    if path.suffix in FORMATS:
        stored, _ = read_arrays(path, "load_weights")
    elif path.suffix == archive.ENDING:
        stored = archive.read_weights("load_weights", path, model)
    else:
        stored = hdf5.read("load_weights", path, path, model)
    fill("load_weights", path, model, stored, skip_mismatch)
