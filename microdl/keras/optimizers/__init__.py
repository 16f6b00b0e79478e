"""Optimizers, and how they are found by name."""

from microdl.core.missing import missing as _missing
from microdl.keras import later as _later
from microdl.keras.optimizers import schedules as schedules
from microdl.keras.optimizers.adagrad import Adadelta as Adadelta, Adagrad as Adagrad
from microdl.keras.optimizers.adam import Adam as Adam
from microdl.keras.optimizers.adamax import Adamax as Adamax, Nadam as Nadam
from microdl.keras.optimizers.adamw import AdamW as AdamW
from microdl.keras.optimizers.base import Optimizer as Optimizer
from microdl.keras.optimizers.ftrl import Ftrl as Ftrl
from microdl.keras.optimizers.lion import Lion as Lion
from microdl.keras.optimizers.registry import deserialize as deserialize, get as get, serialize as serialize
from microdl.keras.optimizers.rmsprop import RMSprop as RMSprop
from microdl.keras.optimizers.sgd import SGD as SGD

__getattr__ = _missing(__name__, globals(), _later.OPTIMIZERS)
