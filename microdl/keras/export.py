"""Keras's ``keras.export``: models for inference, as saved models."""

from microdl.core.missing import missing as _missing
from microdl.keras.persistence.export import ExportArchive as ExportArchive

__getattr__ = _missing(__name__, globals())
