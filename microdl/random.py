"""``tf.random``: seeds and random tensors."""

from types import SimpleNamespace as _SimpleNamespace

from microdl.core.later import INSTEAD as _INSTEAD, RANDOM as _LATER
from microdl.core.missing import missing as _missing
from microdl.ops.draws import (
    categorical as categorical,
    fold_in as fold_in,
    split as split,
    stateless_categorical as stateless_categorical,
)
from microdl.ops.generator import (
    Algorithm as Algorithm,
    Generator as Generator,
    create_rng_state as create_rng_state,
    get_global_generator as get_global_generator,
    set_global_generator as set_global_generator,
)
from microdl.ops.random import (
    normal as normal,
    set_seed as set_seed,
    shuffle as shuffle,
    stateless_normal as stateless_normal,
    stateless_truncated_normal as stateless_truncated_normal,
    stateless_uniform as stateless_uniform,
    truncated_normal as truncated_normal,
    uniform as uniform,
)

experimental = _SimpleNamespace(
    Generator=Generator,
    create_rng_state=create_rng_state,
    get_global_generator=get_global_generator,
    set_global_generator=set_global_generator,
    stateless_fold_in=fold_in,
    stateless_split=split,
)

__getattr__ = _missing(__name__, globals(), _LATER.split(), instead=_INSTEAD)
