"""``tf.autograph.experimental``: exceptions from the rewriting of control flow."""

from microdl.compile.source import do_not_convert as do_not_convert, set_loop_options as set_loop_options
