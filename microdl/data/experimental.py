"""``tf.data.experimental``: older names of what Datasets do, and a promise of their length."""

from microdl.core.errors import InvalidArgumentError
from microdl.core.missing import missing as _missing
from microdl.data.dataset import AUTOTUNE as AUTOTUNE, Dataset as _Dataset
from microdl.data.node import (
    INFINITE as _INFINITE,
    UNKNOWN as _UNKNOWN,
    EndOfData as _EndOfData,
    Following as _Following,
    Step as _Step,
)

INFINITE_CARDINALITY, UNKNOWN_CARDINALITY = _INFINITE, _UNKNOWN


def cardinality(dataset):
    """The number of elements: see ``Dataset.cardinality``."""
    return dataset.cardinality()


def get_single_element(dataset):
    """See ``Dataset.get_single_element``."""
    return dataset.get_single_element()


def assert_cardinality(expected_cardinality):
    """For ``Dataset.apply``: says how many elements there are, and checks it at the end of a pass."""
    return lambda dataset: _Dataset(_Asserted(dataset.node, int(expected_cardinality)))


class _Asserted(_Step):
    name = "_AssertCardinalityDataset"

    def __init__(self, source, size):
        super().__init__(source)
        self._size = size

    def cardinality(self):
        return self._size

    def iterate(self):
        return _Asserting(self.source.iterate(), self._size)


class _Asserting(_Following):
    fields = ("given",)

    def __init__(self, source, size):
        super().__init__(source)
        self._size, self.given = size, 0

    def next(self):
        try:
            element = self.source.next()
        except _EndOfData:
            if self.given < self._size or self._size == INFINITE_CARDINALITY:
                wanted = "an infinite number of" if self._size == INFINITE_CARDINALITY else self._size
                raise InvalidArgumentError(
                    f"Input dataset was expected to contain {wanted} elements but contained only {self.given} elements."
                ) from None
            raise
        self.given += 1
        if 0 <= self._size < self.given:
            raise InvalidArgumentError(
                f"Input dataset was expected to contain {self._size} elements but contained at least {self.given} "
                "elements."
            )
        return element


_LATER = """
    AutoShardPolicy AutotuneAlgorithm AutotuneOptions Counter CsvDataset DatasetInitializer DistributeOptions
    ExternalStatePolicy OptimizationOptions Optional RandomDataset Reducer SHARD_HINT SqlDataset TFRecordWriter at
    bucket_by_sequence_length choose_from_datasets copy_to_device dense_to_ragged_batch dense_to_sparse_batch
    distributed_save enable_debug_mode enumerate_dataset from_list get_next_as_optional get_structure
    group_by_reducer group_by_window ignore_errors load make_csv_dataset map_and_batch parallel_interleave
    prefetch_to_device rejection_resample sample_from_datasets save scan service shuffle_and_repeat snapshot
    take_while unbatch unique
"""

__getattr__ = _missing(__name__, globals(), _LATER.split())
