"""Settings of the process. ``tf.config.threading``: how many threads the kernels use; results do not depend on it."""

from microdl.core import kernels


class threading:
    """Threads within one op. Numba keeps the number for each Python thread: set it in the one that trains."""

    @staticmethod
    def set_intra_op_parallelism_threads(num_threads):
        """Lets each op use up to ``num_threads`` threads.

        Args: num_threads: int, from 1 to the number of cores (or NUMBA_NUM_THREADS, if that is set).
        Raises: ValueError for other numbers. TypeError for something else than an int.
        """
        available = kernels.support("threads").available_threads()
        if isinstance(num_threads, bool) or not hasattr(num_threads, "__index__"):
            raise TypeError(f"set_intra_op_parallelism_threads: an int is expected, got {num_threads!r}")
        if not 1 <= num_threads <= available:
            raise ValueError(
                f"set_intra_op_parallelism_threads: from 1 to {available} threads are available here, got {num_threads}"
            )
        kernels.support("threads").set_threads(int(num_threads))

    @staticmethod
    def get_intra_op_parallelism_threads():
        """The number of threads that ops may use now, at least 1."""
        return kernels.support("threads").threads()
