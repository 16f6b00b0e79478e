"""The core: ops on tensors, and the tape. ``tensor.apply`` is where everything meets."""
