"""Compiles the interpreter on first use, keeps it in the user's cache directory, and calls it."""

import functools
import hashlib
import platform
import re
import tempfile
from pathlib import Path
from typing import Any

import cffi

from tinybayes.assets import cache_directory
from tinybayes.build.host_compiler import compile_for_host

_SOURCES = tuple(sorted(Path(__file__).parent.glob("*.c")))
_HEADERS = tuple(sorted(Path(__file__).parent.glob("*.h")))
_OPTIONS = ("-O2", "-fPIC", "-shared", "-fvisibility=hidden")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)

CData = Any  # cffi makes its types as it runs, so that none can be named here


@functools.cache
def interpreter() -> tuple[cffi.FFI, CData, dict[str, int]]:
    """cffi's view of the library, the library, and the number of each operation by name.

    Raises ToolError where the host has no C compiler or it refuses.
    """
    ffi = cffi.FFI()
    ffi.cdef(_declarations(Path(__file__).with_name("interpreter.h").read_text()))
    library = ffi.dlopen(str(_library()))
    operations: dict[str, int] = {}
    while (name := library.operation_name(len(operations))) != ffi.NULL:
        operations[ffi.string(name).decode()] = len(operations)
    return ffi, library, operations


def _library() -> Path:
    parts = [path.read_bytes() for path in (*_HEADERS, *_SOURCES)]
    key = hashlib.sha256(b"\0".join([*parts, *map(str.encode, _OPTIONS), platform.machine().encode()]))
    library = cache_directory() / "interpreter" / f"{key.hexdigest()[:24]}.so"
    if not library.is_file():
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=library.parent) as work:
            made = Path(work) / library.name
            compile_for_host(_SOURCES, made, options=_OPTIONS)
            made.replace(library)  # at once, so that no other process meets half a file
    return library


def _declarations(header: str) -> str:
    """What cffi reads of interpreter.h: the declarations without preprocessor lines and what only C understands."""
    text = _COMMENT.sub("", header)
    text = re.sub(r"#(?:[^\n]*\\\n)*[^\n]*", "", text)
    text = re.sub(r"enum operation \{.*?\};", "", text, flags=re.DOTALL)
    return text.replace("EXPORTED ", "")
