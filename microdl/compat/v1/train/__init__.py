"""``tf.train`` of TensorFlow 1."""

from microdl.compat.v1.train.averages import ExponentialMovingAverage as ExponentialMovingAverage
from microdl.compat.v1.train.coordinator import (
    Coordinator as Coordinator,
    start_queue_runners as start_queue_runners,
)
from microdl.compat.v1.train.decay import (
    cosine_decay as cosine_decay,
    exponential_decay as exponential_decay,
    inverse_time_decay as inverse_time_decay,
    natural_exp_decay as natural_exp_decay,
    piecewise_constant as piecewise_constant,
    polynomial_decay as polynomial_decay,
)
from microdl.compat.v1.train.graphs import write_graph as write_graph
from microdl.compat.v1.train.hooks import (
    FeedFnHook as FeedFnHook,
    FinalOpsHook as FinalOpsHook,
    LoggingTensorHook as LoggingTensorHook,
    NanLossDuringTrainingError as NanLossDuringTrainingError,
    NanTensorHook as NanTensorHook,
    SecondOrStepTimer as SecondOrStepTimer,
    SessionRunArgs as SessionRunArgs,
    SessionRunContext as SessionRunContext,
    SessionRunHook as SessionRunHook,
    SessionRunValues as SessionRunValues,
    StopAtStepHook as StopAtStepHook,
)
from microdl.compat.v1.train.monitored import (
    ChiefSessionCreator as ChiefSessionCreator,
    MonitoredSession as MonitoredSession,
    MonitoredTrainingSession as MonitoredTrainingSession,
    Scaffold as Scaffold,
    SingularMonitoredSession as SingularMonitoredSession,
)
from microdl.compat.v1.train.optimizers import (
    AdadeltaOptimizer as AdadeltaOptimizer,
    AdagradOptimizer as AdagradOptimizer,
    AdamOptimizer as AdamOptimizer,
    GradientDescentOptimizer as GradientDescentOptimizer,
    MomentumOptimizer as MomentumOptimizer,
    Optimizer as Optimizer,
    RMSPropOptimizer as RMSPropOptimizer,
)
from microdl.compat.v1.train.proximal import (
    FtrlOptimizer as FtrlOptimizer,
    ProximalAdagradOptimizer as ProximalAdagradOptimizer,
    ProximalGradientDescentOptimizer as ProximalGradientDescentOptimizer,
)
from microdl.compat.v1.train.saver import (
    Saver as Saver,
    get_checkpoint_mtimes as get_checkpoint_mtimes,
    update_checkpoint_state as update_checkpoint_state,
)
from microdl.compat.v1.train.steps import (
    create_global_step as create_global_step,
    get_global_step as get_global_step,
    get_or_create_global_step as get_or_create_global_step,
    global_step as global_step,
)
from microdl.compat.v1.train.writing_hooks import (
    CheckpointSaverHook as CheckpointSaverHook,
    CheckpointSaverListener as CheckpointSaverListener,
    StepCounterHook as StepCounterHook,
    SummarySaverHook as SummarySaverHook,
)
from microdl.saving.listing import (
    checkpoint_exists as checkpoint_exists,
    get_checkpoint_state as get_checkpoint_state,
    latest_checkpoint as latest_checkpoint,
    remove_checkpoint as remove_checkpoint,
)
from microdl.saving.reader import (
    list_variables as list_variables,
    load_checkpoint as load_checkpoint,
    load_variable as load_variable,
)

piecewise_constant_decay, NewCheckpointReader = piecewise_constant, load_checkpoint

_LEFT_OUT = {
    "Supervisor": "use tf.train.MonitoredTrainingSession",
    "import_meta_graph": "build the graph again by its code, then tf.train.Saver().restore(session, path)",
    "export_meta_graph": "the code that builds the graph is what is kept of it",
    "Server": "everything runs in this process",
    "SyncReplicasOptimizer": "everything runs in this process",
    "batch": "use tf.data.Dataset.batch",
    "shuffle_batch": "use tf.data.Dataset.shuffle and batch",
    "string_input_producer": "use tf.data.Dataset.from_tensor_slices",
}


def __getattr__(name):
    if name in _LEFT_OUT:
        raise AttributeError(f"tf.train.{name} is left out: {_LEFT_OUT[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
