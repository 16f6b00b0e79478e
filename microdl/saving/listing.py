"""Which checkpoints a folder has: the text file ``checkpoint`` in TensorFlow's format, and who reads it."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from microdl.saving.atomic import write_bytes

STATE = "checkpoint"  # the file's name
ENDING = ".safetensors"
_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


@dataclass
class CheckpointState:
    """What the file says. Paths are prefixes; times are seconds since 1970."""

    model_checkpoint_path: str
    all_model_checkpoint_paths: list = field(default_factory=list)
    all_model_checkpoint_timestamps: list = field(default_factory=list)
    last_preserved_timestamp: float = 0.0


def write_state(directory, latest, paths, timestamps=(), last_preserved=None, filename=STATE):
    """Notes which checkpoints there are, those in the folder itself by their names alone."""
    directory = os.fspath(directory) or "."
    lines = [f"model_checkpoint_path: {_quoted(_relative(directory, latest))}"]
    lines += [f"all_model_checkpoint_paths: {_quoted(_relative(directory, path))}" for path in paths]
    lines += [f"all_model_checkpoint_timestamps: {time!r}" for time in timestamps]
    lines += [f"last_preserved_timestamp: {last_preserved!r}"] * (last_preserved is not None)
    write_bytes(
        Path(directory) / (filename or STATE), "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    )


def get_checkpoint_state(checkpoint_dir, latest_filename=None):
    """The CheckpointState of a folder, or None if it has none (or one that cannot be read)."""
    directory = os.fspath(checkpoint_dir)
    try:
        text = (Path(directory) / (latest_filename or STATE)).read_text("utf-8", "surrogateescape")
    except (OSError, UnicodeDecodeError):
        return None
    found: dict[str, list] = {}
    for key, value in re.findall(r"^(\w+): (.*)$", text, re.MULTILINE):
        found.setdefault(key, []).append(value)
    try:
        latest, *_ = [_absolute(directory, text) for text in found["model_checkpoint_path"]]
        paths = [_absolute(directory, text) for text in found.get("all_model_checkpoint_paths", [])]
        times = [float(text) for text in found.get("all_model_checkpoint_timestamps", [])]
        preserved = float(found.get("last_preserved_timestamp", [0.0])[0])
    except (KeyError, ValueError):
        return None
    return CheckpointState(latest, paths or [latest], times, preserved)


def latest_checkpoint(checkpoint_dir, latest_filename=None):
    """Prefix of the newest checkpoint in a folder, for ``Checkpoint.restore``; None if there is none."""
    state = get_checkpoint_state(checkpoint_dir, latest_filename)
    if state is None or not checkpoint_exists(state.model_checkpoint_path):
        return None
    return state.model_checkpoint_path


def checkpoint_exists(checkpoint_prefix):
    """Whether there is a checkpoint of that prefix."""
    return os.path.isfile(os.fspath(checkpoint_prefix) + ENDING)


def remove_checkpoint(checkpoint_prefix):
    """Deletes a checkpoint, if it is there."""
    Path(os.fspath(checkpoint_prefix) + ENDING).unlink(missing_ok=True)


def _relative(directory, path):
    return os.path.basename(path) if os.path.dirname(path) in (directory, directory.rstrip("/")) else os.fspath(path)


def _absolute(directory, text):
    if not re.fullmatch(r'".*"', text):
        raise ValueError(f"a path in quotation marks is expected, got {text}")
    return os.path.join(directory, os.fsdecode(re.sub(rb"\\([0-7]{1,3}|.)", _unescaped, os.fsencode(text[1:-1]))))


def _quoted(path):
    return '"' + re.sub(r'[\\"\n\r\t]', lambda found: _ESCAPES.get(found[0], f"\\{found[0]}"), os.fspath(path)) + '"'


def _unescaped(found) -> bytes:
    """The byte that an escape stands for: octal digits, as TensorFlow writes what is not ASCII, or one character."""
    escape: bytes = found[1]
    if escape[:1] in b"01234567":
        return bytes([int(escape, 8) & 255])
    named = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}
    return named.get(escape, escape)
