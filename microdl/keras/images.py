"""Images as arrays and back, through Pillow (the extra ``images``)."""

import numpy as np

from microdl.core.optional import require

MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def load_img(path, color_mode="rgb", target_size=None, interpolation="nearest", keep_aspect_ratio=False):
    """A file as a Pillow image.

    Args:
        path: str, path or open file. color_mode: "rgb", "rgba" or "grayscale".
        target_size: (height, width), or None for the file's. interpolation: nearest, bilinear, bicubic, hamming, box or
            lanczos. keep_aspect_ratio: whether what does not fit is cut off, in the middle, before it is resized.
    Raises: ImportError without Pillow. ValueError for other modes and interpolations.
    """
    if color_mode not in MODES:
        raise ValueError(f"load_img: color_mode must be one of {', '.join(MODES)}, got {color_mode!r}")
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"load_img: interpolation must be one of {', '.join(INTERPOLATIONS)}, got {interpolation!r}")
    pillow = require("PIL.Image", "load_img")
    with pillow.open(path) as file:
        image = file.convert(MODES[color_mode])
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    height, width = target_size
    box = None
    if keep_aspect_ratio:
        w, h = image.size
        kept_w, kept_h = min(w, h * width // height), min(h, w * height // width)
        left, top = (w - kept_w) // 2, (h - kept_h) // 2
        box = left, top, left + kept_w, top + kept_h
    return image.resize((width, height), getattr(pillow.Resampling, interpolation.upper()), box)


def img_to_array(img, data_format=None, dtype=None):
    """A Pillow image as an array (height, width, channels), float32 by default.

    Args: data_format: None, "channels_last" or "channels_first". dtype: name.
    """
    array = np.asarray(img, dtype or "float32")
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3:
        raise ValueError(f"img_to_array: an image has 2 or 3 axes, got shape {array.shape}")
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(f"img_to_array: unknown data_format {data_format!r}")
    return np.moveaxis(array, -1, 0) if data_format == "channels_first" else array


def array_to_img(x, data_format=None, scale=True, dtype=None):
    """An array (height, width, 1, 3 or 4) as a Pillow image.

    Args: data_format: None, "channels_last" or "channels_first". scale: whether the smallest value becomes 0 and the
        largest 255. dtype: name, of the scaling; float32 by default.
    Raises: ImportError without Pillow. ValueError for other shapes.
    """
    pillow = require("PIL.Image", "array_to_img")
    array = np.asarray(x, dtype or "float32")
    if array.ndim != 3:
        raise ValueError(f"array_to_img: an image has 3 axes, got shape {array.shape}")
    if data_format == "channels_first":
        array = np.moveaxis(array, 0, -1)
    if scale:
        array = array - array.min()
        array = array / array.max() * 255 if array.max() else array
    if array.shape[2] not in (1, 3, 4):
        raise ValueError(f"array_to_img: an image has 1, 3 or 4 channels, got {array.shape[2]}")
    pixels = array.astype(np.int32 if array.shape[2] == 1 and array.max() > 255 else np.uint8)
    return pillow.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def save_img(path, x, data_format=None, file_format=None, scale=True):
    """Writes an array as an image. Args: as for ``array_to_img``; file_format: None for what the path's ending says."""
    image = array_to_img(x, data_format, scale)
    image.save(path, format=file_format)
