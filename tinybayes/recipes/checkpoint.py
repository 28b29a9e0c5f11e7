"""Checkpoints: one file that says where a training stands, written whole or not at all, read without pickle.

The file is a line that names format and version, the SHA-256 of the rest, and the rest: ``torch.save`` of tensors,
numbers, strings and containers of them.
"""

import hashlib
import io
import os
import pickle
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import torch

from tinybayes.errors import FileFormatError

MAGIC = b"tinybayes-checkpoint 1\n"
_DIGEST_BYTES = 32
_START_AFRESH = "Delete it or name another checkpoint file to start afresh"


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write ``content`` to ``path`` by renaming a finished file."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    payload = buffer.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(MAGIC + hashlib.sha256(payload).digest() + payload)
            file.flush()
            os.fsync(file.fileno())
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def load_checkpoint(path: Path, recipe: str, knobs: dict[str, float]) -> dict[str, Any]:
    """The content of a checkpoint of this ``recipe`` with these ``knobs``.

    Raises FileFormatError when the file is damaged, of another kind or version, or belongs to another training.
    """
    content = _read(path)
    if content.get("recipe") != recipe:
        raise refused(path, f"checkpoint of recipe {content.get('recipe')!r}, expected {recipe!r}")
    theirs = content.get("knobs")
    if theirs != knobs:
        theirs = theirs if isinstance(theirs, dict) else {}
        other = [f"{k} {theirs.get(k)!r} (now {knobs.get(k)!r})" for k in knobs if theirs.get(k) != knobs.get(k)]
        raise refused(path, f"checkpoint of a training with other knobs: {', '.join(other)}")
    return content


def refused(path: Path | None, reason: str) -> FileFormatError:
    """The error for a checkpoint that cannot be used, which ends in what to do."""
    return FileFormatError(f"{path}: {reason}. {_START_AFRESH}")


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise refused(path, f"the checkpoint cannot be read ({error.strerror})") from error
    if not raw.startswith(MAGIC):
        raise refused(path, f"not a checkpoint of this version (it must start with {MAGIC.decode().strip()!r})")
    digest, payload = raw[len(MAGIC) : len(MAGIC) + _DIGEST_BYTES], raw[len(MAGIC) + _DIGEST_BYTES :]
    if hashlib.sha256(payload).digest() != digest:
        raise refused(path, "the checkpoint is damaged: its SHA-256 does not match")
    try:
        content = torch.load(io.BytesIO(payload), weights_only=True, map_location="cpu")
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise refused(path, f"the checkpoint cannot be decoded ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise refused(path, f"the checkpoint holds a {type(content).__name__}, expected a dict")
    return content
