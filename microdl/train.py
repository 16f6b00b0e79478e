"""TensorFlow's ``tf.train``: checkpoints of objects."""

from types import SimpleNamespace as _SimpleNamespace

from microdl.core.missing import missing as _missing
from microdl.saving.checkpoint import Checkpoint as Checkpoint
from microdl.saving.listing import (
    get_checkpoint_state as get_checkpoint_state,
    latest_checkpoint as latest_checkpoint,
)
from microdl.saving.manager import CheckpointManager as CheckpointManager
from microdl.saving.reader import (
    list_variables as list_variables,
    load_checkpoint as load_checkpoint,
    load_variable as load_variable,
)
from microdl.saving.states import PythonState as _PythonState, RandomState as RandomState

experimental = _SimpleNamespace(PythonState=_PythonState)

LATER = """
    BytesList CheckpointOptions ClusterDef ClusterSpec Coordinator Example ExponentialMovingAverage Feature FeatureList
    FeatureLists Features FloatList Int64List JobDef SequenceExample ServerDef TrackableView checkpoints_iterator
"""

__getattr__ = _missing(__name__, globals(), LATER.split())
