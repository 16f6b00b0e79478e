"""Files: arrays on disk that are whole or not there, and checkpoints of objects."""
