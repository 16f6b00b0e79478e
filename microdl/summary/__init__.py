"""``tf.summary``: what TensorBoard shows, written by its own writer (the extra ``tensorboard``).

writer = tf.summary.create_file_writer("logs")
with writer.as_default():
    tf.summary.scalar("loss", loss, step=step)
"""

from microdl.core.missing import missing as _missing
from microdl.summary import experimental as experimental
from microdl.summary.traces import (
    graph as graph,
    trace_export as trace_export,
    trace_off as trace_off,
    trace_on as trace_on,
)
from microdl.summary.values import (
    histogram as histogram,
    image as image,
    scalar as scalar,
    text as text,
    write as write,
)
from microdl.summary.writers import (
    SummaryWriter as SummaryWriter,
    create_file_writer as create_file_writer,
    create_noop_writer as create_noop_writer,
    flush as flush,
    record_if as record_if,
    should_record_summaries as should_record_summaries,
)

__getattr__ = _missing(__name__, globals(), ["audio", "import_event"])
