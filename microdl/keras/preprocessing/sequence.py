"""Sequences of one length."""

from microdl.core.missing import missing as _missing
from microdl.keras.arrays import pad_sequences as pad_sequences

_INSTEAD = {"TimeseriesGenerator": "use keras.utils.timeseries_dataset_from_array"}

__getattr__ = _missing(__name__, globals(), ("make_sampling_table", "skipgrams"), instead=_INSTEAD)
