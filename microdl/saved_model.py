"""``tf.saved_model``: objects with variables and functions on disk, to be used without their code."""

from microdl.core.missing import missing as _missing
from microdl.saving.saved_model import (
    contains_saved_model as contains_saved_model,
    load as load,
    save as save,
)

LATER = "Asset LoadOptions SaveOptions experimental"

__getattr__ = _missing(__name__, globals(), LATER.split())
