"""Checkpoints: one file that says where a training stands, written whole or not at all, read without pickle."""

import os
import pickle
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import torch

from tinybayes.errors import FileFormatError

FORMAT = "tinybayes-checkpoint"
VERSION = 1


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write ``content`` (tensors, numbers, strings, lists and dicts of them) to ``path`` by renaming a finished file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save({"format": FORMAT, "version": VERSION, **content}, file)
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
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileFormatError(f"{path}: not a readable checkpoint ({reason}). {_ADVICE}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FileFormatError(f"{path}: a torch file, but not a tinybayes checkpoint. {_ADVICE}")
    if content.get("version") != VERSION:
        raise FileFormatError(f"{path}: checkpoint version {content.get('version')}, expected {VERSION}. {_ADVICE}")
    if content.get("recipe") != recipe:
        raise FileFormatError(f"{path}: checkpoint of recipe {content.get('recipe')!r}, expected {recipe!r}. {_ADVICE}")
    theirs = content.get("knobs")
    if theirs != knobs:
        theirs = theirs if isinstance(theirs, dict) else {}
        other = [f"{k} {theirs.get(k)!r} (now {knobs.get(k)!r})" for k in knobs if theirs.get(k) != knobs.get(k)]
        raise FileFormatError(f"{path}: checkpoint of a training with other knobs: {', '.join(other)}. {_ADVICE}")
    return content


_ADVICE = "Delete it or name another checkpoint file to start afresh"
