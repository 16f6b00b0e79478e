"""Callbacks: what is called while a model trains, evaluates or predicts."""

from microdl.core.missing import missing as _missing
from microdl.keras import later as _later
from microdl.keras.callbacks.base import (
    Callback as Callback,
    CallbackList as CallbackList,
    History as History,
)
from microdl.keras.callbacks.files import (
    BackupAndRestore as BackupAndRestore,
    CSVLogger as CSVLogger,
    LambdaCallback as LambdaCallback,
    ModelCheckpoint as ModelCheckpoint,
)
from microdl.keras.callbacks.monitor import (
    EarlyStopping as EarlyStopping,
    LearningRateScheduler as LearningRateScheduler,
    MonitorCallback as MonitorCallback,
    ReduceLROnPlateau as ReduceLROnPlateau,
    TerminateOnNaN as TerminateOnNaN,
)
from microdl.keras.callbacks.tensorboard import TensorBoard as TensorBoard
from microdl.keras.progress import ProgbarLogger as ProgbarLogger

__getattr__ = _missing(__name__, globals(), _later.CALLBACKS)
