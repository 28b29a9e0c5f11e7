"""Whom every byte of an image belongs to: layers by kind, what they share, each firmware file, libraries, padding."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from tinybayes.build.image import Image, Piece
from tinybayes.emit.network import Layer
from tinybayes.errors import InternalError
from tinybayes.plan import Encoding, Plan

LAYER, NETWORK, FIRMWARE, LIBRARY, ALIGNMENT = "layer", "network", "firmware", "library", "alignment"
CODE_KINDS = ("instructions", "literals")
_PREFIXES = re.compile(r"^\.(?:text|rodata|data|bss)\.(?:startup\.|unlikely\.|hot\.|exit\.)?")
_ARENA = "arena"


@dataclass(frozen=True)
class Part:
    """Bytes with one owner.

    ``group`` is layer, network (what its layers share), firmware, library or alignment; ``owner`` is the layer, the
    source file or the library; ``kind`` is weights, tables, biases, multipliers, padding, instructions, literals
    (constants and jump tables between instructions), constants or variables; ``name`` is the symbol or its member.
    """

    group: str
    owner: str
    kind: str
    name: str
    size_bytes: int


@dataclass(frozen=True)
class Account:
    """The parts of flash sum to the image, those of RAM to all static variables. ``layers`` are names in order."""

    layers: tuple[str, ...]
    flash: tuple[Part, ...]
    ram: tuple[Part, ...]

    def code_bytes(self, layer: str) -> dict[str, int]:
        """Bytes of a layer's own code by kind."""
        mine = [part for part in self.flash if (part.group, part.owner) == (LAYER, layer)]
        return {kind: sum(p.size_bytes for p in mine if p.kind == kind) for kind in CODE_KINDS}


def account_for(image: Image, plan: Plan, name: str, *, arena: bool = True) -> Account:
    """The account of an image of the network ``name`` that ``plan`` was compiled to.

    ``arena`` says that the image has the arena among its variables, as firmware does and a library does not.

    Raises InternalError where a layer's constants are not, byte for byte, in the image, where the arena is of another
    size than planned, or where the parts do not sum to the image.
    """
    layers = tuple(Layer(plan, number, step, name) for number, step in enumerate(plan.steps))
    check_constants(image.flash, layers)
    flash = [part for piece in image.flash for part in _flash_parts(piece, layers, name)]
    ram = [_variable(piece) for piece in image.variables]
    arena_bytes = sum(part.size_bytes for part in ram if part.name == _ARENA)
    if arena_bytes != (plan.arena_bytes if arena else 0):
        raise InternalError(f"the image has an arena of {arena_bytes} bytes, the plan one of {plan.arena_bytes}")
    if sum(part.size_bytes for part in flash) != image.image_bytes:
        raise InternalError("the parts of the flash do not sum to the image")
    stored = sum(part.size_bytes for part in flash if part.group == LAYER and part.kind not in CODE_KINDS)
    if stored != plan.weights_bytes:
        raise InternalError(
            f"the layers' constants take {stored} bytes of the image, {plan.weights_bytes} were planned"
        )
    return Account(tuple(layer.step.name for layer in layers), tuple(flash), tuple(ram))


def records(parts: Iterable[Part]) -> list[Mapping[str, Any]]:
    """Parts as report.json has them, equal ones summed up, in the order of their first appearance."""
    sums: dict[tuple[str, str, str, str], int] = {}
    for part in parts:
        key = (part.group, part.owner, part.kind, part.name)
        sums[key] = sums.get(key, 0) + part.size_bytes
    rows = (asdict(Part(*key, size_bytes)) for key, size_bytes in sums.items() if size_bytes)
    return [{"bytes" if key == "size_bytes" else key: value for key, value in row.items()} for row in rows]


def check_constants(pieces: Iterable[Piece], layers: Iterable[Layer]) -> None:
    """Raises InternalError unless each layer's constants are stored as its encoding has them, to the byte."""
    stored = {piece.name: piece for piece in pieces if not piece.is_padding}
    for layer in layers:
        if layer.encoding is None or layer.step.shares:
            continue
        code = layer.encoding.code
        piece = stored.get(f".rodata.{layer.symbol}" if code is None else f".text.{layer.symbol}")
        if piece is None:
            raise InternalError(f"the constants of layer {layer.step.name!r}, {layer.symbol}, are not in the image")
        if code is not None:
            if piece.size_bytes != code.size_bytes:
                raise InternalError(
                    f"{layer.symbol} has {piece.size_bytes} bytes of straight-line code, planned were {code.size_bytes}"
                )
            continue
        expected = b"".join(_little_endian(array.values) for array in layer.encoding.ordered_arrays)
        if piece.data != expected + bytes(layer.encoding.padding_bytes):
            raise InternalError(
                f"{layer.symbol} has {piece.size_bytes} bytes in the image, and they are not the "
                f"{layer.encoding.size_bytes} bytes of constants that layer {layer.step.name!r} was encoded to"
            )


def _little_endian(values: Any) -> bytes:  # noqa: ANN401 - an array of any integer type
    return bytes(values.astype(values.dtype.newbyteorder("<")).tobytes())


def _flash_parts(piece: Piece, layers: tuple[Layer, ...], name: str) -> list[Part]:
    if piece.is_padding:
        group, owner = (NETWORK, name) if piece.network else (ALIGNMENT, ALIGNMENT)
        return [Part(group, owner, "padding", ALIGNMENT, piece.size_bytes)]
    symbol = symbol_of(piece)
    for layer in layers if piece.network else ():
        if layer.encoding is not None and symbol == layer.symbol:
            return _constants(layer, layer.encoding)
        if symbol == layer.function or symbol.startswith(f"{layer.function}."):
            return _code(piece, LAYER, layer.step.name, symbol)
    group, owner = (NETWORK, name) if piece.network else owner_of(piece)
    if piece.code or piece.function is not None:
        return _code(piece, group, owner, symbol)
    return [Part(group, owner, "constants", symbol, piece.size_bytes)]


def _constants(layer: Layer, encoding: Encoding) -> list[Part]:
    if encoding.code is not None:
        return [Part(LAYER, layer.step.name, "weights", layer.symbol, encoding.size_bytes)]
    parts = [
        Part(LAYER, layer.step.name, array.kind, f"{layer.symbol}.{array.name}", array.size_bytes)
        for array in encoding.ordered_arrays
    ]
    padding = encoding.padding_bytes
    return [*parts, Part(LAYER, layer.step.name, "padding", f"{layer.symbol}.padding", padding)] if padding else parts


def _code(piece: Piece, group: str, owner: str, symbol: str) -> list[Part]:
    parts = [Part(group, owner, "instructions", symbol, piece.size_bytes - piece.literal_bytes)]
    return [*parts, Part(group, owner, "literals", symbol, piece.literal_bytes)] if piece.literal_bytes else parts


def _variable(piece: Piece) -> Part:
    if piece.is_padding:
        return Part(ALIGNMENT, ALIGNMENT, "padding", ALIGNMENT, piece.size_bytes)
    symbol = symbol_of(piece)
    group, owner = (NETWORK, _ARENA) if symbol == _ARENA else owner_of(piece)
    return Part(group, owner, "variables", symbol, piece.size_bytes)


def symbol_of(piece: Piece) -> str:
    """What a piece is called: the end of its section's name, or the first function of a library's member."""
    named = _PREFIXES.sub("", piece.name)
    return named if named != piece.name else piece.function or piece.name.removeprefix(".")


def owner_of(piece: Piece) -> tuple[str, str]:
    """(group, owner) of a piece that is not the network's: a library by its archive, else a firmware source file."""
    archive, _, member = piece.object_file.partition("(")
    if member:
        return LIBRARY, PurePosixPath(archive).name
    return FIRMWARE, PurePosixPath(piece.object_file).name.removesuffix(".obj").removesuffix(".o")
