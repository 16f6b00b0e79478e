"""Models: layers that can be trained."""

from microdl.core.missing import missing as _missing
from microdl.keras import later as _later
from microdl.keras.models.model import Model as Model
from microdl.keras.models.sequential import Sequential as Sequential

__getattr__ = _missing(__name__, globals(), _later.MODELS)
