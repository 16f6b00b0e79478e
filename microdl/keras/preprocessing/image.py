"""Images as arrays."""

from microdl.core.missing import missing as _missing
from microdl.keras.images import (
    array_to_img as array_to_img,
    img_to_array as img_to_array,
    load_img as load_img,
    save_img as save_img,
)

_INSTEAD = {"ImageDataGenerator": "use tf.data.Dataset.map with keras.layers.RandomFlip and the like"}

__getattr__ = _missing(__name__, globals(), ("smart_resize",), instead=_INSTEAD)
