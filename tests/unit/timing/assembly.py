"""Assembles snippets of Thumb code for tests."""

import subprocess
from pathlib import Path

from tinybayes.timing.program import Program

ARCHITECTURES = {
    "cortex-m0": "armv6s-m",
    "cortex-m0plus": "armv6s-m",
    "cortex-m3": "armv7-m",
    "cortex-m4": "armv7e-m+fp",
    "cortex-m7": "armv7e-m+fp",
    "cortex-m33": "armv8-m.main+fp+dsp",
    "cortex-m55": "armv8.1-m.main+mve.fp+fp.dp+dsp",
}


def assemble(text: str, core: str, directory: Path) -> Program:
    """The program that starts with ``text`` at address 0."""
    source, object_file = directory / "snippet.s", directory / "snippet.o"
    head = ".syntax unified\n.thumb\n.text\n.balign 8\n.type start, %function\n.global start\nstart:\n"
    source.write_text(f"{head}{text}\n.size start, . - start\n")
    command = ["arm-none-eabi-as", f"-march={ARCHITECTURES[core]}", source, "-o", object_file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Program.load(object_file, core)
