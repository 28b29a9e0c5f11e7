"""Builds the fuzzer of the frame parser and the commands, with sanitizers; the network is the toy's."""

import shutil
import subprocess
from pathlib import Path

from tests.emulated.toy_network.toy_reference import toy_golden_vectors
from tinybayes.boards import load_board
from tinybayes.emit.firmware import firmware_files

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
_TOY = HERE.parent / "emulated" / "toy_network"
_LONGEST_INPUT_BYTES = 2048


def build_fuzzer(work: Path) -> Path:
    """The program, made by clang in ``work``."""
    files = firmware_files(
        load_board("stm32vldiscovery"),
        network_name="toy",
        network_digest=bytes(16),
        protocol="frames",
        golden_vectors=toy_golden_vectors(),
    )
    for path, text in files.items():
        (work / path).parent.mkdir(exist_ok=True)
        (work / path).write_text(text)
    program = work / "fuzz_protocol"
    sources = [HERE / "fuzz_protocol.c", *sorted(_TOY.glob("*.c"))]
    command: list[str | Path] = ["clang", "-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-DTOY_TRACE"]
    command += ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
    command += ["-I", work / "firmware", "-I", _TOY, *sources, "-o", program]
    subprocess.run(command, check=True)
    return program


def run_fuzzer(program: Path, work: Path, *, seconds: int = 0, runs: int = -1, seed: int = 1) -> str:
    """What libFuzzer said; new inputs go into ``work``/found. Raises CalledProcessError where it has a finding."""
    found = work / "found"
    found.mkdir(exist_ok=True)
    command = [program, f"-max_total_time={seconds}", f"-runs={runs}", f"-seed={seed}"]
    command += [f"-max_len={_LONGEST_INPUT_BYTES}", "-timeout=10", f"-artifact_prefix={work}/", found, CORPUS]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise subprocess.CalledProcessError(done.returncode, [str(program)], done.stdout, done.stderr[-4000:])
    return done.stderr


def has_clang() -> bool:
    """Whether clang is installed."""
    return shutil.which("clang") is not None
