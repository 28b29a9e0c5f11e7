import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tinybayes.build.cmake import build_firmware

TOY_PROJECT = Path(__file__).parent / "toy_project"


@pytest.fixture
def toy_project(tmp_path: Path) -> Path:
    """A copy of the toy project that a test may change."""
    return shutil.copytree(TOY_PROJECT, tmp_path / "toy project")


@pytest.fixture(scope="session")
def toy_elf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The toy's bare image."""
    project = shutil.copytree(TOY_PROJECT, tmp_path_factory.mktemp("toy") / "network")
    yield build_firmware(project, "toy", bench=True)
