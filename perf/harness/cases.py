"""The table: every kernel, each with its shapes."""

from functools import cache

from . import table_arrays, table_elementwise, table_gpu, table_layers, table_products, table_updates

PARTS = (
    table_products.products,
    table_products.convolutions,
    table_layers.bias,
    table_layers.pooling,
    table_layers.fused,
    table_layers.pooled,
    table_layers.softmax,
    table_layers.normalization,
    table_updates.optimizers,
    table_updates.random,
    table_elementwise.activations,
    table_elementwise.unary,
    table_elementwise.operators,
    table_elementwise.bits,
    table_arrays.reductions,
    table_arrays.scans,
    table_arrays.movements,
)


@cache
def table():
    """Name -> Case, in the order of printing."""
    return _named([case for part in PARTS for case in part()])


@cache
def gpu_table():
    """The same for a GPU."""
    return _named(list(table_gpu.rows(table())))


def _named(cases):
    named = {case.name: case for case in cases}
    if len(named) < len(cases):
        raise ValueError(f"two rows have one name: {sorted(c.name for c in cases if named[c.name] is not c)}")
    return named


def find(name):
    return {**gpu_table(), **table()}[name]
