"""Threads that stop together."""

import contextlib
import threading
import time


class Coordinator:
    """Tells threads when to stop, and waits for them.

    >>> coordinator = Coordinator()
    >>> while not coordinator.should_stop():
    ...     coordinator.request_stop()
    """

    def __init__(self, clean_stop_exception_types=None):
        self._stop, self._error, self._threads = threading.Event(), None, set()
        self._clean = tuple(clean_stop_exception_types or ())

    @property
    def joined(self):
        """Whether all registered threads have ended."""
        return not any(thread.is_alive() for thread in self._threads)

    def register_thread(self, thread):
        self._threads.add(thread)

    def should_stop(self):
        return self._stop.is_set()

    def request_stop(self, ex=None):
        """Asks all threads to stop. ex: an exception (or ``sys.exc_info()``) that ``join`` raises."""
        error = ex[1] if isinstance(ex, tuple) else ex
        if self._error is None and error is not None and not isinstance(error, self._clean):
            self._error = error
        self._stop.set()

    def clear_stop(self):
        self._error = None
        self._stop.clear()

    def wait_for_stop(self, timeout=None):
        return self._stop.wait(timeout)

    @contextlib.contextmanager
    def stop_on_exception(self):
        """A context that asks to stop when an error leaves it."""
        try:
            yield
        except Exception as error:  # whatever the thread's work raises
            self.request_stop(error)

    def join(self, threads=None, stop_grace_period_secs=120, ignore_live_threads=False):
        """Waits until the threads have ended, then raises what made them stop, if that was an error."""
        threads = [*self._threads, *(threads or ())]
        while not self._stop.is_set() and any(thread.is_alive() for thread in threads):
            time.sleep(0.01)
        until = time.monotonic() + stop_grace_period_secs
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        alive = [thread.name for thread in threads if thread.is_alive()]
        if self._error is not None:
            raise self._error
        if alive and not ignore_live_threads:
            raise RuntimeError("Coordinator stopped with threads still running: " + " ".join(alive))

    def raise_requested_exception(self):
        if self._error is not None:
            raise self._error


def start_queue_runners(sess=None, coord=None, daemon=True, start=True, collection=None):
    """No threads: there are no queues here, batches come from ``tf.data`` or are fed."""
    return []
