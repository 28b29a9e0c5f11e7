"""The toy network as firmware for a board, built exactly as a user's project is."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.emulated.toy_network.toy_reference import toy_golden_vectors
from tinybayes.boards import load_board
from tinybayes.emit.firmware import firmware_files

TOY = Path(__file__).with_name("toy_network")
DIGEST = bytes(range(16))
TOOLS = ("arm-none-eabi-gcc", "cmake", "ninja", "qemu-system-arm")


def write_project(directory: Path, protocol: str, board: str = "mps2-an386") -> Path:
    golden = {} if protocol == "none" else {"golden_vectors": toy_golden_vectors()}
    files = firmware_files(load_board(board), network_name="toy", network_digest=DIGEST, protocol=protocol, **golden)
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    shutil.copytree(TOY, directory / "network", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return directory


def build_project(directory: Path, *definitions: str, target: str = "all") -> None:
    cmake = ["cmake", "-S", directory, "-B", directory / "build"]
    for command in (
        [*cmake, "-G", "Ninja", *definitions],
        ["cmake", "--build", directory / "build", "--target", target, "-j", "1"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def toy_image(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``toy_image(protocol, *definitions, board="mps2-an386")`` is the ELF, built once."""
    for tool in TOOLS:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    made: dict[tuple[str, ...], Path] = {}

    def build(protocol: str, *definitions: str, board: str = "mps2-an386") -> Path:
        key = (board, protocol, *definitions)
        if key not in made:
            directory = write_project(tmp_path_factory.mktemp("project") / "toy", protocol, board)
            build_project(directory, *definitions)
            made[key] = directory / "build" / "toy.elf"
        return made[key]

    return build
