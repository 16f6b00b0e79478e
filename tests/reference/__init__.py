"""Agreement with outputs of TensorFlow and PyTorch, frozen by the ``make_*`` scripts in this folder."""
