"""Writes a set of files into an output directory, and never touches a file that tinybayes did not make."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from tinybayes.errors import OutputDirectoryError

MANIFEST = ".tinybayes"
FileSet = Mapping[str, str | bytes]


def check_ours(directory: Path) -> None:
    """Raises OutputDirectoryError unless ``directory`` is missing, empty, or was made by tinybayes."""
    if directory.is_dir():
        if any(directory.iterdir()) and not (directory / MANIFEST).is_file():
            raise OutputDirectoryError(
                f"{directory} is not empty and was not made by tinybayes (it has no {MANIFEST} file), so nothing was "
                "written; give --out a new or empty directory"
            )
    elif directory.exists():
        raise OutputDirectoryError(f"{directory} is a file; give --out a new or empty directory")


def write_files(directory: Path, files: FileSet) -> None:
    """Makes ``directory`` hold ``files`` (relative path -> content) and nothing else of an earlier compilation.

    Files whose content does not change keep their time stamp, so that a build redoes only what changed. Files that
    an earlier compilation made and this one does not are removed; anything else in the directory stays.
    """
    check_ours(directory)
    old = _manifest(directory)
    directory.mkdir(parents=True, exist_ok=True)
    _write(directory / MANIFEST, _manifest_text(set(files) | old))
    for path, content in files.items():
        data = content.encode("utf-8") if isinstance(content, str) else content
        target = directory / path
        if not target.is_file() or target.read_bytes() != data:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(target, data)
    for path in old - set(files):
        (directory / path).unlink(missing_ok=True)
    _write(directory / MANIFEST, _manifest_text(set(files)))


def write_atomically(path: Path, data: bytes) -> None:
    """Replaces ``path`` as a whole: a reader sees the old content or the new, never a part."""
    _write(path, data)


def _manifest_text(paths: set[str]) -> bytes:
    return (json.dumps({"made by": "tinybayes", "files": sorted(paths)}, indent=1) + "\n").encode()


def _manifest(directory: Path) -> set[str]:
    """Relative paths of the files an earlier compilation wrote; paths that lead elsewhere do not count."""
    try:
        listed = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))["files"]
        paths = [path for path in listed if isinstance(path, str)]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    inside = {p for p in paths if not PurePosixPath(p).is_absolute() and ".." not in PurePosixPath(p).parts}
    root = directory.resolve()
    return {p for p in inside if (directory / p).parent.resolve().is_relative_to(root)}


def _write(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
