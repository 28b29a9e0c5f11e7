"""The library alone, without firmware around it: what the network takes of flash and of stack."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tinybayes.build.cmake import map_beside
from tinybayes.build.disassembly import disassemble
from tinybayes.build.elf import read_sections
from tinybayes.build.image import Image, is_network_object, read_image
from tinybayes.build.linkmap import loaded_files
from tinybayes.build.program import run_program
from tinybayes.build.stack import StackAnalysis, StackBound
from tinybayes.build.toolchain import require
from tinybayes.errors import InternalError, ToolError

_LINK_SECONDS = 60.0


def firmware_objects(elf: Path) -> tuple[Path, ...]:
    """The object files made from ``network/`` that the image ``elf``, still in its build directory, was linked from."""
    return tuple(elf.parent / name for name in loaded_files(map_beside(elf)) if is_network_object(name))


def refuse_variables(objects: Iterable[Path]) -> None:
    """Raises InternalError where an object of ``network/`` has variables, which no network may have."""
    for path in objects:
        for section in read_sections(path):
            if section.writable:
                raise InternalError(
                    f"{path} has {section.size_bytes} bytes of variables in section {section.name}; "
                    "a network's data is all constant or in the arena"
                )


def measure_library(objects: Sequence[Path], entry: str, gcc_flags: Sequence[str]) -> tuple[Image, StackBound]:
    """The objects linked with what they need of C's library, and the stack that their function ``entry`` takes.

    The image exists to be measured only; it has no vectors and cannot run. ``objects`` lie in a build directory's
    ``CMakeFiles``. Raises ToolError where the linker fails.
    """
    gcc = require("arm-none-eabi-gcc")
    with tempfile.TemporaryDirectory(prefix="tinybayes-") as work:
        elf = Path(work) / "network.elf"
        command: list[str | Path] = [gcc, *gcc_flags, "-nostartfiles", "--specs=nano.specs", f"-Wl,-e,{entry}"]
        command += [f"-Wl,-u,{entry}", "-Wl,--gc-sections", f"-Wl,-Map={map_beside(elf)}", *objects, "-o", elf]
        done = run_program(command, _LINK_SECONDS)
        if done.status != 0:
            raise ToolError(f"the library could not be linked to measure it:\n{done.last(2000) or 'it took too long'}")
        return read_image(elf, map_beside(elf)), StackAnalysis(disassemble(elf)).of_function(entry)
