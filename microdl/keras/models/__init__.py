"""Models: layers that can be trained."""

from microdl.keras.models.model import Model as Model
from microdl.keras.models.sequential import Sequential as Sequential
