"""Compiles the QEMU plugin on first use and keeps it in the user's cache directory."""

import hashlib
import platform
import tempfile
from pathlib import Path

from tinybayes.assets import cache_directory
from tinybayes.build.host_compiler import compile_for_host

SOURCE = Path(__file__).with_name("plugin.c")
# strdup is POSIX; the functions of QEMU are found when it loads the plugin.
_OPTIONS = ("-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-D_POSIX_C_SOURCE=200809L")


def plugin_library() -> Path:
    """Path of the compiled plugin, a name that its source, options and this machine decide.

    Raises ToolError where the host has no C compiler or it refuses.
    """
    key = hashlib.sha256(b"\0".join([SOURCE.read_bytes(), *map(str.encode, _OPTIONS), platform.machine().encode()]))
    library = cache_directory() / "qemu-plugin" / f"{key.hexdigest()[:24]}.so"
    if not library.is_file():
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=library.parent) as work:
            made = Path(work) / library.name
            compile_for_host([SOURCE], made, options=_OPTIONS)
            made.replace(library)  # at once, so that no other process meets half a file
    return library
