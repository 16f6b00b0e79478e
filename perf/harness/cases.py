"""The table: every case of every kernel."""

from functools import cache

from .table_products import convolutions, products


@cache
def table():
    """name -> Case, in the order of printing."""
    cases = [*products(), *convolutions()]
    named = {case.name: case for case in cases}
    return named


def find(name):
    return table()[name]
