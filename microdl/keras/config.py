"""Keras's settings. Most have one value here: weights are float32, images have their channels last."""

from microdl.core.missing import missing as _missing
from microdl.keras.backend import (
    backend as backend,
    epsilon as epsilon,
    floatx as floatx,
    image_data_format as image_data_format,
    set_epsilon as set_epsilon,
    set_floatx as set_floatx,
    set_image_data_format as set_image_data_format,
)

LATER = """
    disable_flash_attention disable_interactive_logging disable_traceback_filtering dtype_policy enable_flash_attention
    enable_interactive_logging enable_traceback_filtering enable_unsafe_deserialization is_flash_attention_enabled
    is_interactive_logging_enabled is_nnx_enabled is_traceback_filtering_enabled max_epochs max_steps_per_epoch
    set_backend set_dtype_policy set_max_epochs set_max_steps_per_epoch
"""

__getattr__ = _missing(__name__, globals(), LATER.split())
