"""``tf.data``: pipelines that bring data to a model, element by element or batch by batch."""

from microdl.core.missing import missing as _missing
from microdl.data import experimental as experimental
from microdl.data.dataset import AUTOTUNE as AUTOTUNE, Dataset as Dataset
from microdl.data.iterators import Iterator as Iterator, NumpyIterator as NumpyIterator
from microdl.data.node import (
    INFINITE as INFINITE_CARDINALITY,
    UNKNOWN as UNKNOWN_CARDINALITY,
    DatasetSpec as DatasetSpec,
    IteratorSpec as IteratorSpec,
)
from microdl.data.options import Options as Options, ThreadingOptions as ThreadingOptions

_LATER = "FixedLengthRecordDataset TFRecordDataset TextLineDataset"

__getattr__ = _missing(__name__, globals(), _LATER.split())
