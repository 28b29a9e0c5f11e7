"""Runs a generated network library on this machine: quickly through cffi, or slowly under sanitizers."""

import os
import re
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cffi
import numpy as np
import numpy.typing as npt

from tinybayes.build.host_compiler import compile_for_host
from tinybayes.errors import InternalError, ToolError, UserError
from tinybayes.run.runner import Progress, RunResult

CData = Any  # cffi makes its types as it runs, so that none can be named here

_SHIM = Path(__file__).with_name("host_shim.c")
_SANITIZED_MAIN = Path(__file__).with_name("host_sanitized.c")
_SHIM_INTERFACE = """
extern const uint32_t host_dimensions[4];
void host_tensor(uint32_t step, uint32_t *offset_and_length);
void host_run(const int8_t *input, int8_t *output, uint8_t *arena);
void host_step(uint32_t step, const int8_t *input, int8_t *output, uint8_t *arena);
"""
# -Bsymbolic: two networks in one process must not end up in each other's functions.
_LIBRARY_OPTIONS = ("-O2", "-fPIC", "-shared", "-Wl,-Bsymbolic")
_SANITIZER_OPTIONS = (
    "-O1",
    "-g",
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-Wno-error",  # sanitized code misleads gcc's flow analysis; the plain build has refused warnings already
)
_SANITIZER_ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
_SANITIZED_SECONDS = 600.0
_CHARACTERS_SHOWN = 3000
_OUTPUT_ARRAY = 0xFFFFFFFF
_ARENA_ALIGNMENT_BYTES = 16
_PROGRESS_SAMPLES = 64


class HostRunner:
    """A Runner for the library in ``network_directory``, compiled by the host's gcc and called in this process.

    Outputs come from ``<name>_run``, checksums of tensors from ``<name>_step``.

    Raises UserError where there is no such library, ToolError where the compiler is missing or refuses it, and
    InternalError where the library says that a tensor lies outside of the arena.
    """

    def __init__(self, network_directory: Path, name: str) -> None:
        self.name = "host"
        with tempfile.TemporaryDirectory(prefix="tinybayes-") as work:
            library = Path(work) / f"{name}.so"
            _compile(network_directory, name, _SHIM, library, _LIBRARY_OPTIONS)
            self._ffi = cffi.FFI()
            self._ffi.cdef(_SHIM_INTERFACE)
            # The file may go once it is loaded; its pages stay.
            self._library: CData = self._ffi.dlopen(str(library))
        self.input_len, self.output_len, self.arena_bytes, self.steps = self._library.host_dimensions
        self._arena = _aligned_bytes(self.arena_bytes)
        self._stepped_output = np.zeros(self.output_len, np.int8)
        self._tensors = [self._tensor_view(self._library, step) for step in range(self.steps)]

    def run(self, inputs: npt.NDArray[np.int8], progress: Progress | None = None) -> RunResult:
        """Run on inputs, int8 (n, input_len)."""
        inputs = self._checked(inputs)
        count = len(inputs)
        outputs = np.zeros((count, self.output_len), np.int8)
        crcs = np.zeros((count, self.steps), np.uint32)
        library = self._loaded()
        ffi, run, step_function, crc32 = self._ffi, library.host_run, library.host_step, zlib.crc32
        first_input = ffi.cast("const int8_t *", ffi.from_buffer(inputs))
        first_output = ffi.cast("int8_t *", ffi.from_buffer(outputs))
        arena, stepped_output = self._pointer("uint8_t *", self._arena), self._pointer("int8_t *", self._stepped_output)
        steps = list(enumerate(self._tensors))
        for sample in range(count):
            values = first_input + sample * self.input_len
            for step, tensor in steps:
                step_function(step, values, stepped_output, arena)
                crcs[sample, step] = crc32(tensor)
            run(values, first_output + sample * self.output_len, arena)
            if progress is not None and ((sample + 1) % _PROGRESS_SAMPLES == 0 or sample + 1 == count):
                progress(sample + 1)
        return RunResult(outputs, crcs)

    def predict(self, inputs: npt.NDArray[np.int8], progress: Progress | None = None) -> npt.NDArray[np.int8]:
        """Outputs alone, int8 (n, output_len)."""
        return self.run(inputs, progress).outputs

    def tensor(self, values: npt.NDArray[np.int8], step: int) -> npt.NDArray[np.uint8]:
        """The bytes, uint8 (length,), that ``step`` leaves for one input, int8 (input_len,)."""
        values = self._checked(values[np.newaxis])
        if not 0 <= step < self.steps:
            raise InternalError(f"step {step} was asked for; the network has {self.steps}")
        library = self._loaded()
        for done in range(step + 1):
            library.host_step(
                done,
                self._pointer("const int8_t *", values),
                self._pointer("int8_t *", self._stepped_output),
                self._pointer("uint8_t *", self._arena),
            )
        return np.frombuffer(bytes(self._tensors[step]), np.uint8)

    def close(self) -> None:
        """Unloads the library; may be called twice."""
        if self._library is not None:
            self._ffi.dlclose(self._library)
            self._library = None

    def __enter__(self) -> Self:
        """The runner itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Calls ``close``."""
        self.close()

    def _loaded(self) -> CData:
        if self._library is None:
            raise InternalError("the host runner is closed")
        return self._library

    def _pointer(self, kind: str, array: npt.NDArray[np.integer]) -> CData:
        return self._ffi.cast(kind, self._ffi.from_buffer(array))

    def _checked(self, inputs: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        if inputs.dtype != np.int8 or inputs.ndim != 2 or inputs.shape[1] != self.input_len:
            raise UserError(f"inputs of {inputs.dtype} {inputs.shape}, wanted int8 (n, {self.input_len})")
        return np.ascontiguousarray(inputs)

    def _tensor_view(self, library: CData, step: int) -> memoryview:
        """The memory that holds what ``step`` leaves: part of the arena, or the output."""
        found = self._ffi.new("uint32_t[2]")
        library.host_tensor(step, found)
        offset, length = found
        if offset == _OUTPUT_ARRAY and length == self.output_len:
            return self._stepped_output.data
        if offset + length > self.arena_bytes:
            raise InternalError(
                f"step {step}: the tensor at {offset} with {length} bytes is not within the arena's {self.arena_bytes}"
            )
        return self._arena.data[offset : offset + length]


def run_sanitized(network_directory: Path, name: str, inputs: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Outputs, int8 (n, output_len), of the library under AddressSanitizer and UndefinedBehaviorSanitizer.

    ``inputs`` is int8 (n, input_len), n at least 1. Every array has its exact size; input and output are unaligned.

    Raises UserError and ToolError as :class:`HostRunner` does, and InternalError with the sanitizer's words where the
    code oversteps an array, has undefined behaviour, writes to its input, or depends on what the arena held.
    """
    with tempfile.TemporaryDirectory(prefix="tinybayes-") as work:
        program = Path(work) / name
        _compile(network_directory, name, _SANITIZED_MAIN, program, _SANITIZER_OPTIONS)
        try:
            done = subprocess.run(
                [program],
                input=np.ascontiguousarray(inputs, np.int8).tobytes(),
                capture_output=True,
                env={**os.environ, **_SANITIZER_ENVIRONMENT},
                timeout=_SANITIZED_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ToolError(f"the sanitized {name} took more than {_SANITIZED_SECONDS:.0f} s") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()[:_CHARACTERS_SHOWN]
        raise InternalError(f"the sanitized {name} stopped with status {done.returncode}:\n{said}")
    return np.frombuffer(done.stdout, np.int8).reshape(len(inputs), -1)


def _compile(network_directory: Path, name: str, main: Path, output: Path, options: Sequence[str]) -> None:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is None:
        raise UserError(f"{name!r} cannot name a network: it is no C identifier")
    header = network_directory / f"{name}.h"
    if not header.is_file():
        raise UserError(f"{header} is not there; is {network_directory} the network/ directory of a compiled {name!r}?")
    upper = name.upper()
    defines = [f"-D{upper}_TRACE", f'-DNET_HEADER="{name}.h"']
    defines += [f"-DNET_{what}={upper}_{what}" for what in ("INPUT_LEN", "OUTPUT_LEN", "ARENA_BYTES", "STEPS")]
    defines += [f"-Dnet_{what}={name}_{what}" for what in ("run", "step", "tensors")]
    sources = sorted(network_directory.glob("*.c"))
    compile_for_host([*sources, main], output, options=[*options, *defines], include=[network_directory])


def _aligned_bytes(size: int) -> npt.NDArray[np.uint8]:
    """A uint8 array of ``size`` bytes, aligned as the contract says, with nonzero contents that nobody may rely on."""
    block = np.full(size + _ARENA_ALIGNMENT_BYTES, 0xA5, np.uint8)
    start = -block.ctypes.data % _ARENA_ALIGNMENT_BYTES
    return block[start : start + size]
