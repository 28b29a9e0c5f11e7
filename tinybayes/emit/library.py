"""The part of a library project that is not the network: what builds ``network/`` for a core, and no firmware."""

from tinybayes.assets import asset_directory
from tinybayes.boards import CoreTarget
from tinybayes.emit.environment import environment


def library_files(target: CoreTarget, network_name: str) -> dict[str, str]:
    """Relative path to text of a CMake project that makes ``lib<network_name>.a`` for a core."""
    project = environment().get_template("library/CMakeLists.txt.j2")
    toolchain = asset_directory("firmware") / "toolchain.cmake"
    return {
        "CMakeLists.txt": project.render(target=target, network_name=network_name),
        "toolchain.cmake": toolchain.read_text(encoding="utf-8"),
    }
