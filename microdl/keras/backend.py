"""State that belongs to no layer."""

from microdl.keras.naming import reset_names


def clear_session(free_memory=True):
    """Names of layers, optimizers and metrics count from the start again: the next Dense is ``dense``.

    Args:
        free_memory: not used; what is no longer referenced is freed at once.
    """
    reset_names()
