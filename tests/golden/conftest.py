"""Compares a set of files with a committed directory, or rewrites that directory with ``--update-golden``."""

import difflib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_HINT = "if the change is meant, rewrite the goldens with `make golden` and read the diff before you commit it"
_LINES_SHOWN = 40

CheckGolden = Callable[[str, Mapping[str, str]], None]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> CheckGolden:
    """``golden(name, files)`` fails where ``tests/golden/<name>`` does not hold exactly ``files``."""
    rewrite = request.config.getoption("--update-golden")

    def check(name: str, files: Mapping[str, str]) -> None:
        directory = _HERE / name
        if rewrite:
            shutil.rmtree(directory, ignore_errors=True)
            for path, text in files.items():
                (directory / path).parent.mkdir(parents=True, exist_ok=True)
                (directory / path).write_text(text, encoding="utf-8", newline="")
            return
        problem = difference(directory, files)
        if problem:
            pytest.fail(f"tests/golden/{name}: {problem}\n{_HINT}", pytrace=False)

    return check


def difference(directory: Path, files: Mapping[str, str]) -> str:
    """What differs between ``directory`` and ``files``, or an empty string."""
    if not directory.is_dir():
        return "the golden directory is missing"
    there = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    problems = [f"{path}: only in the golden directory" for path in sorted(there - set(files))]
    problems += [f"{path}: missing in the golden directory" for path in sorted(set(files) - there)]
    for path in sorted(there & set(files)):
        old = (directory / path).read_bytes().decode("utf-8")
        if old != files[path]:
            before, after = old.splitlines(), files[path].splitlines()
            lines = difflib.unified_diff(before, after, f"golden/{path}", path, lineterm="")
            problems.append("\n".join(list(lines)[:_LINES_SHOWN]) or f"{path}: differs in line ends")
    return "\n".join(problems)
