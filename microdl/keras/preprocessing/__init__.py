"""Where Keras 2 had its helpers for images, sequences and time series. Today's place is ``keras.utils``."""

from microdl.core.missing import missing as _missing
from microdl.keras.arrays import timeseries_dataset_from_array as timeseries_dataset_from_array
from microdl.keras.preprocessing import image as image, sequence as sequence, text as text

__getattr__ = _missing(__name__, globals(), ("image_dataset_from_directory", "text_dataset_from_directory"))
