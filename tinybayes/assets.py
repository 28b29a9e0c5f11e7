"""Finds templates/, firmware/ and boards/, in a checkout and in an installed wheel, and the user's cache."""

import os
from pathlib import Path

from tinybayes.errors import InternalError

_PACKAGE = Path(__file__).resolve().parent
_ROOTS = (_PACKAGE / "_assets", _PACKAGE.parent)


def asset_directory(name: str) -> Path:
    """The directory ``templates``, ``firmware`` or ``boards`` that belongs to this installation.

    Raises InternalError where the installation lacks it.
    """
    for root in _ROOTS:
        if (root / name).is_dir() and (root is not _PACKAGE.parent or (root / "pyproject.toml").is_file()):
            return root / name
    raise InternalError(f"this installation of tinybayes has no {name}/ directory; install it again")


def cache_directory() -> Path:
    """``$XDG_CACHE_HOME/tinybayes``, else ``~/.cache/tinybayes``: data sets and compiled plugins, safe to delete."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "tinybayes"
