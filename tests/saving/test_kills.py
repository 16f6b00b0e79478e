"""SIGKILL while saving: twenty times here, two hundred by ``perf/kill_saving.py``."""

import os

import pytest

from perf.kill_saving import kill_often


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
@pytest.mark.filterwarnings(
    "ignore:This process:DeprecationWarning"
)  # of fork beside threads; the child computes nothing
def test_nothing_that_was_saved_is_lost(tmp_path):
    latest = kill_often(tmp_path, kills=20, longest=0.15, seed=1)
    assert latest["checkpoint"] > 0
