"""``tf.io``: files as tensors, and the numbers in strings of bytes. ``tf.io.gfile`` works with files and folders."""

from microdl.core.missing import missing as _missing
from microdl.ops import gfile as gfile
from microdl.ops.files import (
    decode_raw as decode_raw,
    images_left_out as _images_left_out,
    matching_files as matching_files,
    read_file as read_file,
    write_file as write_file,
)

_IMAGES = """
    decode_and_crop_jpeg decode_bmp decode_gif decode_image decode_jpeg decode_jxl decode_png decode_webp encode_jpeg
    encode_png extract_jpeg_shape is_jpeg
"""
_LATER = """
    FixedLenFeature FixedLenSequenceFeature RaggedFeature SparseFeature TFRecordOptions TFRecordWriter VarLenFeature
    decode_base64 decode_compressed decode_csv decode_json_example decode_proto deserialize_many_sparse encode_base64
    encode_proto match_filenames_once parse_example parse_sequence_example parse_single_example
    parse_single_sequence_example parse_tensor serialize_many_sparse serialize_sparse serialize_tensor write_graph
"""

_no_such_name = _missing(__name__, globals(), _LATER.split())


def __getattr__(name):
    if name in _IMAGES.split():
        raise AttributeError(_images_left_out(name))
    return _no_such_name(name)
