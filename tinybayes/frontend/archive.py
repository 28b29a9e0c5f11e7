"""Reads the .pt2 archives of ``torch.export.save`` without executing anything in them.

The archive is a zip file: the program as JSON (``models/model.json``), one file of raw numbers for every weight, and a
JSON file that gives their types and shapes. It may also hold pickles (sample inputs, weights of unusual kinds). Pickles
run code when they are loaded, and archives come from strangers: nothing but JSON and raw numbers is read here.
"""

import io
import json
import math
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from tinybayes.errors import FileFormatError, UserError
from tinybayes.frontend.program import Constant, Program, parse_program

_MODEL_LIMIT_BYTES = 64 * 2**20
_WEIGHTS_LIMIT_BYTES = 512 * 2**20
_DTYPES = {1: "u1", 2: "i1", 3: "<i2", 4: "<i4", 5: "<i8", 6: "<f2", 7: "<f4", 8: "<f8", 12: "?"}
_BFLOAT16 = 13
_DAMAGE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError, KeyError, TypeError,
    IndexError, AttributeError, ValueError, RecursionError, OverflowError, MemoryError,
)  # fmt: skip


def read_pt2(path: Path) -> Program:
    """The program in the file ``path``; FileFormatError if it is not a sound .pt2 file, UserError if it is missing."""
    try:
        with path.open("rb") as file:
            return read_archive(file, str(path))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error


def read_archive(file: IO[bytes], source: str) -> Program:
    """The program in an open archive; ``source`` names it in messages. Raises FileFormatError if it is not sound."""
    try:
        size_bytes = file.seek(0, io.SEEK_END)
        with zipfile.ZipFile(file) as archive:
            model, tensors = _Members(archive, size_bytes).read()
    except _DAMAGE as error:
        raise FileFormatError(
            f"{source}: not a sound .pt2 file ({type(error).__name__}: {error}); wanted what torch.export.save of "
            "torch "
            "2.9 or later writes: export and save the model again"
        ) from error
    return parse_program(source, model, tensors)


class _Members:
    """The files of an archive, with what they may claim checked before it is believed."""

    def __init__(self, archive: zipfile.ZipFile, size_bytes: int) -> None:
        self._archive = archive
        names = archive.namelist()
        models = [name for name in names if name.endswith("models/model.json")]
        if len(models) != 1:
            old = any(name.endswith("serialized_exported_program.json") for name in names)
            found = "a program in the format of torch before 2.9" if old else f"{len(models)} programs"
            raise ValueError(f"wanted one models/model.json, got {found}")
        self._root = models[0].removesuffix("models/model.json")
        if sum(info.file_size for info in archive.infolist()) > size_bytes:
            raise ValueError("its members claim more bytes than the file has; torch stores them uncompressed")
        order = archive.read(f"{self._root}byteorder") if f"{self._root}byteorder" in names else b"little"
        if order != b"little":
            raise ValueError("byte order is not little-endian")

    def read(self) -> tuple[Any, dict[str, Constant]]:
        """The program's JSON and all tensors by path in the module."""
        model = json.loads(self._bytes("models/model.json", _MODEL_LIMIT_BYTES))
        tensors: dict[str, Constant] = {}
        budget_bytes = _WEIGHTS_LIMIT_BYTES
        for folder in ("weights", "constants"):
            config_name = f"data/{folder}/model_{folder}_config.json"
            if f"{self._root}{config_name}" not in self._archive.namelist():
                continue
            config = json.loads(self._bytes(config_name, _MODEL_LIMIT_BYTES))["config"]
            for path, entry in config.items():
                if entry["use_pickle"]:
                    raise ValueError(f"{path!r} is stored as a pickle, which is not read because it can run code")
                if entry["tensor_meta"] is None:
                    raise ValueError(f"{path!r} is not a tensor")
                raw = self._bytes(f"data/{folder}/{entry['path_name']}", budget_bytes)
                tensors[str(path)] = _tensor(str(path), raw, entry["tensor_meta"])
                budget_bytes -= tensors[str(path)].nbytes
        return model, tensors

    def _bytes(self, name: str, limit_bytes: int) -> bytes:
        info = self._archive.getinfo(f"{self._root}{name}")
        if info.file_size > limit_bytes:
            raise ValueError(f"{name} claims {info.file_size} bytes, more than the limit of {limit_bytes}")
        return self._archive.read(info)


def _tensor(path: str, raw: bytes, meta: Any) -> Constant:  # noqa: ANN401 - JSON from a file
    """A tensor from raw numbers; every stride is checked to stay inside them."""
    code = meta["dtype"]
    bfloat16 = code == _BFLOAT16
    if code not in _DTYPES and not bfloat16:
        raise ValueError(f"{path!r} has the unknown scalar type {code}")
    dtype = np.dtype("<u2" if bfloat16 else _DTYPES[code])
    sizes = [_natural(path, size["as_int"]) for size in meta["sizes"]]
    strides = [_natural(path, stride["as_int"]) for stride in meta["strides"]]
    offset = _natural(path, meta["storage_offset"]["as_int"])
    elements = math.prod(sizes)
    if elements * dtype.itemsize > _WEIGHTS_LIMIT_BYTES:
        raise ValueError(f"{path!r} claims {elements} elements, too many")
    if len(sizes) != len(strides):
        raise ValueError(f"{path!r} has {len(sizes)} sizes and {len(strides)} strides")
    last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    if elements and (last + 1) * dtype.itemsize > len(raw):
        raise ValueError(f"{path!r} needs {(last + 1) * dtype.itemsize} bytes, the file has {len(raw)}")
    if not elements:
        return np.zeros(sizes, np.float32)
    storage = np.frombuffer(raw, dtype=dtype, count=len(raw) // dtype.itemsize)[offset:]
    view = np.lib.stride_tricks.as_strided(storage, sizes, [s * dtype.itemsize for s in strides], writeable=False)
    tensor = np.array(view)
    return (tensor.astype(np.uint32) << 16).view(np.float32) if bfloat16 else tensor


def _natural(path: str, value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**40:
        raise ValueError(f"{path!r} has the size or stride {value!r}")
    return value
