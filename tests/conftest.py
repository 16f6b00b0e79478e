"""Settings of the whole test suite."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # a checkout that is not installed
os.environ.setdefault("MICRODL_QUIET", "1")

# Kernels are compiled when an example first needs them, so no single example has a deadline.
settings.register_profile(
    "default", deadline=None, max_examples=15, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=200, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_addoption(parser):
    parser.addoption("--gradient-table", action="store_true", help="print the gradient check of every op as a table")


def pytest_configure(config):
    config.gradient_errors = {}


@pytest.fixture(scope="session")
def gradient_errors(pytestconfig):
    """Largest relative error of each op's gradient, filled by tests/test_ops.py."""
    return pytestconfig.gradient_errors


def pytest_terminal_summary(terminalreporter, config):
    if not config.getoption("--gradient-table"):
        return
    terminalreporter.section("gradients in float64: largest relative error against differences of the NumPy oracle")
    for name, (examples, first, second) in sorted(config.gradient_errors.items()):
        second = f"{second:.1e}" if second is not None else "-"
        terminalreporter.write_line(f"{name:<48} {examples:4d} examples   first {first:.1e}   second {second}")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _nothing_left_behind():
    """A test that leaves a tape or a graph open would change every test after it."""
    from microdl.core.context import context
    from microdl.core.random_state import random_state

    yield
    random_state.initializer_seeds = None  # set_random_seed would seed the layers of all later tests
    left = context.tapes, context.graph
    context.tapes, context.graph = (), None
    assert left == ((), None), "this test left a tape or a graph recording"
