import shutil
from pathlib import Path

import pytest

from tinybayes.build.cmake import build_firmware

TOY_PROJECT = Path(__file__).parents[1] / "build/toy_project"


@pytest.fixture(scope="session")
def build_toy(tmp_path_factory: pytest.TempPathFactory):
    """Builds the toy's bare image with other values of the variables in its CMakeLists.txt."""

    def build(**variables: str) -> Path:
        project = shutil.copytree(TOY_PROJECT, tmp_path_factory.mktemp("toy") / "toy")
        lists = project / "CMakeLists.txt"
        text = lists.read_text()
        for name, value in variables.items():
            old = next(line for line in text.splitlines() if line.startswith(f"set({name} "))
            text = text.replace(old, f"set({name} {value})")
        lists.write_text(text)
        return build_firmware(project, "toy", bench=True)

    return build


@pytest.fixture(scope="session")
def toy_elf(build_toy) -> Path:
    return build_toy()
