"""The option ``--calibration``: typical inputs that activations are scaled by."""

from pathlib import Path
from typing import Any


def read_calibration(path: str | None) -> Any:  # noqa: ANN401 - an array, without importing numpy here
    """The array ``x`` of the file, or None where none was given."""
    if path is None:
        return None
    from tinybayes.datasets.samples import read_file

    return read_file(Path(path)).x
