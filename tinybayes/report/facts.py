"""report.json, checked: a record that anybody may have written becomes frozen facts, or one clear error."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tinybayes.report.entry import LARGEST_COUNT, LONGEST_TEXT, Entry

KINDS = ("weights", "tables", "biases", "multipliers", "padding")
"""What a layer's constants in flash are made of, as report.json names it."""
_LONGEST_SYMBOL = 2 * LONGEST_TEXT
_LONGEST_REASON = 20 * LONGEST_TEXT


@dataclass(frozen=True)
class Layer:
    """One step of the network. Sizes are bytes; None is a figure that has not been obtained."""

    name: str
    op: str
    format: str | None
    fused: str | None
    tensor: str
    shape: tuple[int, ...]
    nonzero: int | None
    macs_dense: int | None
    weights_bytes: int
    bytes_by_kind: Mapping[str, int]
    code_bytes: int | None
    instructions: int | None
    cycles: int | None
    flash_stall_cycles: int | None


@dataclass(frozen=True)
class ArenaBuffer:
    """Bytes ``offset .. offset + size_bytes`` of the arena, in use from ``first_step`` to ``last_step`` inclusive."""

    name: str
    offset: int
    size_bytes: int
    first_step: int
    last_step: int


@dataclass(frozen=True)
class Part:
    """Bytes of the image or of RAM with one owner, as ``tinybayes.build.account`` has them."""

    group: str
    owner: str
    kind: str
    name: str
    size_bytes: int


@dataclass(frozen=True)
class Stage:
    """A stage of training: accuracy as a fraction, and how many weights are not zero where that was counted."""

    name: str
    accuracy: float
    nonzero: int | None


@dataclass(frozen=True)
class Difference:
    """The first code that differs from the reference."""

    sample: int
    layer: str
    tensor: str
    index: int
    expected: int
    got: int


@dataclass(frozen=True)
class Cost:
    """What a part of an inference takes."""

    instructions: int
    cycles: int
    flash_stall_cycles: int


@dataclass(frozen=True)
class CoreCost:
    """One inference on a core, with the clock and flash of ``board``: of all layers, of each, and between them."""

    core: str
    board: str
    clock_hz: int
    whole: Cost
    seconds: float
    layers: tuple[Cost, ...]
    between_layers: Cost


@dataclass(frozen=True)
class FrontPoint:
    """A plan that no other beats in flash and latency; what was built and traced is None where it did not fit."""

    formats: tuple[tuple[str, str], ...]
    predicted_weights_bytes: int
    predicted_cycles: int
    weights_bytes: int | None
    image_bytes: int | None
    cycles: int | None
    seconds: float | None


@dataclass(frozen=True)
class Comparison:
    """How one place (host, qemu, a URL) compares with the reference."""

    place: str
    samples: int
    tensors_compared: int
    mismatches: int
    first: Difference | None


@dataclass(frozen=True)
class Facts:
    """All that the report shows of a record."""

    name: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: int
    nonzero: int
    macs_dense: int
    macs_nonzero: int
    board: str
    core: str
    clock_hz: int | None
    objective: str
    protocol: str
    weights_bytes: int
    code_bytes: int | None
    other_bytes: int | None
    image_bytes: int | None
    flash_parts: tuple[Part, ...]
    arena_bytes: int
    static_bytes: int | None
    stack_bytes: int | None
    ram_bytes: int | None
    ram_parts: tuple[Part, ...]
    stack_chain: tuple[tuple[str, int], ...]
    stack_unbounded: str | None
    latency_source: str | None
    instructions: int | None
    cycles: int | None
    flash_stall_cycles: int | None
    between_layers: Cost | None
    seconds: float | None
    model_version: str | None
    same_for_every_input: bool
    calibrated: bool
    layers: tuple[Layer, ...]
    buffers: tuple[ArenaBuffer, ...]
    comparisons: tuple[Comparison, ...]
    accuracy_float: float | None
    accuracy_reference: float | None
    accuracy_device: float | None
    accuracy_samples: int | None
    device_samples: int | None
    stages: tuple[Stage, ...]
    cores: tuple[CoreCost, ...]
    front: tuple[FrontPoint, ...]
    dense_int8_bytes: int
    float32_bytes: int

    @property
    def is_library(self) -> bool:
        """Whether it was compiled for a core alone: a library, and no firmware that could be run or timed."""
        return self.clock_hz is None


def check(record: Mapping[str, Any]) -> Facts:
    """The facts in ``record``; FileFormatError names the key that is missing or holds something else."""
    top = Entry(record, "report.json")
    network, board, flash, ram = (top.entry(key) for key in ("network", "board", "flash", "ram"))
    latency, accuracy, stored = (top.entry(key) for key in ("latency", "accuracy", "comparison"))
    layers = tuple(_layer(entry) for entry in top.entries("layers"))
    if not layers:
        raise top.wrong("layers", "at least one layer")
    weights_bytes = flash.count("weights_bytes")
    if sum(layer.weights_bytes for layer in layers) != weights_bytes:
        raise flash.wrong("weights_bytes", "the sum over the layers")
    parts = [flash.known_count(key) for key in ("weights_bytes", "code_bytes", "other_bytes")]
    image_bytes = flash.known_count("image_bytes")
    if image_bytes is not None and None not in parts and sum(part or 0 for part in parts) != image_bytes:
        raise flash.wrong("image_bytes", "the sum of weights_bytes, code_bytes and other_bytes")
    flash_parts = _parts(flash)
    accounted = sum(part.size_bytes for part in flash_parts)
    if flash_parts and accounted != (weights_bytes + (parts[1] or 0) if image_bytes is None else image_bytes):
        raise flash.wrong("parts", "parts whose sum is all of flash")
    arena_bytes, static_bytes, ram_parts = ram.count("arena_bytes", 1), ram.known_count("static_bytes"), _parts(ram)
    if ram_parts and sum(part.size_bytes for part in ram_parts) != arena_bytes + (static_bytes or 0):
        raise ram.wrong("parts", "parts whose sum is arena_bytes and static_bytes")
    return Facts(
        name=network.text("name"),
        input_shape=network.shape("input_shape"),
        output_shape=network.shape("output_shape"),
        parameters=network.count("parameters"),
        nonzero=network.count("nonzero"),
        macs_dense=network.count("macs_dense"),
        macs_nonzero=network.count("macs_nonzero"),
        board=board.text("name"),
        core=board.text("core"),
        clock_hz=board.known_count("clock_hz"),
        objective=top.text("objective"),
        protocol=top.text("protocol"),
        weights_bytes=weights_bytes,
        code_bytes=flash.known_count("code_bytes"),
        other_bytes=flash.known_count("other_bytes"),
        image_bytes=image_bytes,
        flash_parts=flash_parts,
        arena_bytes=arena_bytes,
        static_bytes=static_bytes,
        stack_bytes=ram.known_count("stack_bytes"),
        ram_bytes=ram.known_count("total_bytes"),
        ram_parts=ram_parts,
        stack_chain=tuple(
            (call.text("function", _LONGEST_SYMBOL), call.count("bytes"))
            for call in ram.optional_entries("stack_chain")
        ),
        stack_unbounded=ram.known_text("stack_unbounded", _LONGEST_REASON) if ram.has("stack_unbounded") else None,
        latency_source=latency.known_text("source"),
        instructions=latency.known_count("instructions"),
        cycles=latency.known_count("cycles"),
        flash_stall_cycles=latency.known_count("flash_stall_cycles"),
        between_layers=_between(latency, layers),
        seconds=latency.known_real("seconds", LARGEST_COUNT),
        model_version=latency.known_text("model_version"),
        same_for_every_input=latency.has("same_for_every_input") and not latency.is_null("same_for_every_input"),
        calibrated=latency.has("calibration") and not latency.is_null("calibration"),
        layers=layers,
        buffers=tuple(_buffer(entry, len(layers), arena_bytes) for entry in top.entries("arena")),
        comparisons=tuple(_comparison(place, entry) for place, entry in top.entry("verify").members()),
        accuracy_float=accuracy.known_real("float", 1),
        accuracy_reference=accuracy.known_real("reference", 1),
        accuracy_device=accuracy.known_real("device", 1),
        accuracy_samples=accuracy.known_count("samples"),
        device_samples=accuracy.known_count("device_samples") if accuracy.has("device_samples") else None,
        stages=tuple(_stage(entry) for entry in top.entries("stages")),
        cores=tuple(_core(entry, layers) for entry in top.optional_entries("cores")),
        front=tuple(_front_point(entry) for entry in top.optional_entries("front")),
        dense_int8_bytes=stored.count("dense_int8_bytes"),
        float32_bytes=stored.count("float32_bytes"),
    )


def _core(entry: Entry, layers: tuple[Layer, ...]) -> CoreCost:
    if [layer.text("name") for layer in entry.entries("layers")] != [layer.name for layer in layers]:
        raise entry.wrong("layers", "the network's layers")
    whole, between = _cost(entry), _cost(entry.entry("between_layers"))
    costs = tuple(_cost(layer) for layer in entry.entries("layers"))
    _check_sum(entry, whole, between, costs)
    return CoreCost(
        core=entry.text("core"),
        board=entry.text("board"),
        clock_hz=entry.count("clock_hz", 1),
        whole=whole,
        seconds=entry.real("seconds", LARGEST_COUNT),
        layers=costs,
        between_layers=between,
    )


def _front_point(entry: Entry) -> FrontPoint:
    return FrontPoint(
        formats=tuple((name, weight_format) for name, weight_format in entry.entry("formats").texts() if weight_format),
        predicted_weights_bytes=entry.count("predicted_weights_bytes"),
        predicted_cycles=entry.count("predicted_cycles"),
        weights_bytes=entry.known_count("weights_bytes"),
        image_bytes=entry.known_count("image_bytes"),
        cycles=entry.known_count("cycles"),
        seconds=entry.known_real("seconds", LARGEST_COUNT),
    )


def _cost(entry: Entry) -> Cost:
    return Cost(entry.count("instructions"), entry.count("cycles"), entry.count("flash_stall_cycles"))


def _between(latency: Entry, layers: tuple[Layer, ...]) -> Cost | None:
    """What is counted for no layer; the sums are right where it is known."""
    if not latency.has("between_layers") or latency.is_null("between_layers"):
        return None
    between = _cost(latency.entry("between_layers"))
    known = [
        Cost(layer.instructions, layer.cycles, layer.flash_stall_cycles)
        for layer in layers
        if layer.instructions is not None and layer.cycles is not None and layer.flash_stall_cycles is not None
    ]
    _check_sum(latency, _cost(latency), between, known)
    return between


def _check_sum(entry: Entry, whole: Cost, between: Cost, layers: Iterable[Cost]) -> None:
    parts = (between, *layers)
    for what in ("instructions", "cycles", "flash_stall_cycles"):
        if getattr(whole, what) != sum(getattr(part, what) for part in parts):
            raise entry.wrong(what, "the sum over the layers and between_layers")


def _layer(entry: Entry) -> Layer:
    kinds = entry.entry("weights_bytes_by_kind")
    by_kind = {kind: kinds.count(kind) for kind in KINDS if kinds.has(kind)}
    weights_bytes = entry.count("weights_bytes")
    if sum(by_kind.values()) != weights_bytes:
        raise entry.wrong("weights_bytes_by_kind", f"{', '.join(KINDS)} with the sum {weights_bytes}")
    return Layer(
        name=entry.text("name"),
        op=entry.text("op"),
        format=entry.known_text("format"),
        fused=entry.known_text("fused"),
        tensor=entry.text("tensor"),
        shape=entry.shape("shape"),
        nonzero=entry.known_count("nonzero"),
        macs_dense=entry.known_count("macs_dense"),
        weights_bytes=weights_bytes,
        bytes_by_kind=by_kind,
        code_bytes=entry.known_count("code_bytes"),
        instructions=entry.known_count("instructions"),
        cycles=entry.known_count("cycles"),
        flash_stall_cycles=entry.known_count("flash_stall_cycles") if entry.has("flash_stall_cycles") else None,
    )


def _parts(memory: Entry) -> tuple[Part, ...]:
    return tuple(
        Part(
            group=entry.text("group"),
            owner=entry.text("owner"),
            kind=entry.text("kind"),
            name=entry.text("name", _LONGEST_SYMBOL),
            size_bytes=entry.count("bytes"),
        )
        for entry in memory.optional_entries("parts")
    )


def _buffer(entry: Entry, steps: int, arena_bytes: int) -> ArenaBuffer:
    size_bytes = entry.count("bytes", 0, arena_bytes)
    first_step = entry.count("first_step", 0, steps - 1)
    return ArenaBuffer(
        name=entry.text("name"),
        offset=entry.count("offset", 0, arena_bytes - size_bytes),
        size_bytes=size_bytes,
        first_step=first_step,
        last_step=entry.count("last_step", first_step, steps - 1),
    )


def _stage(entry: Entry) -> Stage:
    nonzero = entry.known_count("nonzero") if entry.has("nonzero") else None
    return Stage(entry.text("stage"), entry.real("accuracy", 1), nonzero)


def _comparison(place: str, entry: Entry) -> Comparison:
    first = None
    if entry.has("first_mismatch") and not entry.is_null("first_mismatch"):
        found = entry.entry("first_mismatch")
        first = Difference(
            sample=found.count("sample"),
            layer=found.text("layer"),
            tensor=found.text("tensor"),
            index=found.count("index"),
            expected=found.count("expected", -LARGEST_COUNT),
            got=found.count("got", -LARGEST_COUNT),
        )
    return Comparison(place, entry.count("samples"), entry.count("tensors_compared"), entry.count("mismatches"), first)
