"""Models: layers that can be trained."""

from microdl.core.missing import missing as _missing
from microdl.keras.models.cloning import clone_model as clone_model, model_from_json as model_from_json
from microdl.keras.models.model import Functional as Functional, Model as Model
from microdl.keras.models.sequential import Sequential as Sequential
from microdl.keras.persistence.archive import load_model as load_model, save_model as save_model

__getattr__ = _missing(__name__, globals())
