"""The progress bar: what a terminal, a file and an impatient user get to see."""

import io
import re

import pytest

from microdl.keras import progress
from microdl.keras.progress import ProgbarLogger, ProgressBar, logger_for


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class Clock:
    """Stands for ``time``: each look at it is ``step`` seconds later."""

    def __init__(self, step):
        self.now, self.step, self.looks = 0.0, step, 0

    def perf_counter(self):
        self.now += self.step
        self.looks += 1
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock(step=1.0)
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")


def control_characters(text):
    return re.findall(r"[\x00-\x09\x0b-\x1f\x7f\x1b]", text)


def run_epoch(stream, live=None, steps=3, brief=False):
    logger = ProgbarLogger(live, stream, brief)
    logger.set_params({"epochs": 2, "steps": steps})
    logger.on_train_begin()
    logger.on_epoch_begin(0)
    for batch in range(3):
        logger.on_train_batch_end(batch, {"loss": 0.5, "accuracy": 0.25})
    logger.on_epoch_end(0, {"loss": 0.5, "accuracy": 0.25, "val_loss": 0.0004})
    return logger


def test_file_gets_the_finished_line_without_control_characters(clock):
    stream = io.StringIO()
    run_epoch(stream)
    assert stream.getvalue() == (
        "Epoch 1/2\n3/3 ━━━━━━━━━━━━━━━━━━━━ 2s 500ms/step - loss: 0.5000 - accuracy: 0.2500 - val_loss: 4.0000e-04\n"
    )
    assert not control_characters(stream.getvalue())


def test_terminal_line_is_written_over_and_ends_complete(clock):
    stream = Terminal()
    run_epoch(stream)
    heading, *drawn = re.split(r"[\r\n]+", stream.getvalue().strip("\n"))
    assert heading == "Epoch 1/2"
    assert drawn[0].startswith("1/3 ━━━━━━──────────────")
    assert drawn[-1] == ("3/3 ━━━━━━━━━━━━━━━━━━━━ 4s 2s/step - loss: 0.5000 - accuracy: 0.2500 - val_loss: 4.0000e-04")
    assert set(control_characters(stream.getvalue())) == {"\r"}


def test_verbose_2_is_a_line_an_epoch_on_a_terminal_too(clock):
    stream = Terminal()
    run_epoch(stream, live=False, brief=True)
    assert stream.getvalue() == (
        "Epoch 1/2\n3/3 - 2s - 500ms/step - loss: 0.5000 - accuracy: 0.2500 - val_loss: 4.0000e-04\n"
    )
    assert not control_characters(stream.getvalue())


def test_drawing_happens_at_most_ten_times_a_second(clock):
    clock.step = 0.01
    stream = Terminal()
    bar = ProgressBar(1000, stream)
    for step in range(1, 301):  # 3 seconds by this clock
        bar.update(step, {"loss": 1.0})
    assert 28 <= stream.getvalue().count("\r") <= 31


def test_unknown_total_is_said(clock):
    stream = Terminal()
    bar = ProgressBar(None, stream)
    bar.update(7)
    assert "7/Unknown" in stream.getvalue()


def test_line_does_not_wrap_until_it_is_final(clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    bar = ProgressBar(10, stream)
    values = {f"metric_{i}": 1.0 for i in range(10)}
    bar.update(5, values)
    assert len(stream.getvalue().strip("\r")) == 39
    bar.finish(10, values)
    assert stream.getvalue().endswith("metric_9: 1.0000\n")


def test_shorter_line_covers_the_longer_one_before(clock):
    stream = Terminal()
    bar = ProgressBar(10, stream)
    bar.update(5, {"loss": 123456.0, "accuracy": 1.0})
    bar.update(6, {"loss": 1.0})
    first, second = stream.getvalue().split("\r")[1:]
    assert len(second) >= len(first)


def test_stream_without_box_characters_gets_ascii(clock):
    class Latin(Terminal):
        encoding = "latin-1"

    stream = Latin()
    ProgressBar(2, stream).update(1)
    assert "==========.........." in stream.getvalue()


def test_interrupted_line_is_ended(clock):
    stream = Terminal()
    logger = ProgbarLogger(None, stream)
    logger.set_params({"epochs": 1, "steps": 3})
    logger.on_train_begin()
    logger.on_epoch_begin(0)
    logger.on_train_batch_end(0, {"loss": 1.0})
    logger.abandon()
    assert stream.getvalue().endswith("\n")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.4, "59s"), (59.6, "1:00"), (3725, "1:02:05"), (90, "1:30")]
)
def test_seconds_are_readable(seconds, text):
    assert progress._seconds_text(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.0000"), (0.5, "0.5000"), (-0.0001, "-1.0000e-04"), (float("nan"), "nan")]
)
def test_numbers_keep_four_digits(value, text):
    assert progress._number_text(value) == text


def test_verbose_values():
    assert logger_for(0) is None
    assert logger_for("auto") is not None
    with pytest.raises(ValueError, match='verbose is "auto", 0, 1 or 2, got 3'):
        logger_for(3)
