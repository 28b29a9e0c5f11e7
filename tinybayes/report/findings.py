"""The verdict in words and big figures. A figure that is not there yet names the command that gets it."""

from dataclasses import dataclass

from tinybayes.ir import Graph
from tinybayes.report.bars import factor
from tinybayes.report.facts import Comparison, Facts
from tinybayes.report.numerals import THIN, duration, grouped, in_bytes, percent
from tinybayes.report.provenance import known_recipe

BUILD = "tinybayes build DIR"
COUNT = "tinybayes verify DIR --on qemu"
_NO_BOARD = "a library runs on no board of its own"
_SOURCES = {
    "emulated": "counted in emulation",
    "static": "counted from the machine code",
    "measured": "measured on a board",
}


@dataclass(frozen=True)
class Tile:
    """A big figure; where it is not known, ``command`` obtains it."""

    title: str
    value: str
    notes: tuple[str, ...] = ()
    command: str = ""


@dataclass(frozen=True)
class Headline:
    """The verdict: ``state`` is good, bad or open."""

    state: str
    verdict: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Place:
    """How one place compares with the reference; ``first`` describes the first difference, field by field."""

    name: str
    state: str
    text: str
    first: tuple[tuple[str, str], ...]


def headline(facts: Facts, graph: Graph) -> Headline:
    """The verdict and the big figures."""
    failed = [c for c in facts.comparisons if c.mismatches]
    if failed:
        where = " and ".join(c.place for c in failed)
        state, verdict = "bad", f"Differs from the reference on {where}"
    elif facts.comparisons:
        state, verdict = "good", f"Every bit agrees on {' and '.join(c.place for c in facts.comparisons)}"
    else:
        state, verdict = "open", "Not verified yet"
    return Headline(state, verdict, (_weights(facts), _ram(facts), _instructions(facts), _accuracy(facts, graph)))


def verify_command(facts: Facts) -> str:
    """What compares everything with the reference."""
    return f"tinybayes verify DIR --on {'host' if facts.is_library else 'host,qemu'}"


def places(facts: Facts) -> tuple[Place, ...]:
    """A line for each place that was compared with the reference."""
    return tuple(_place(comparison) for comparison in facts.comparisons)


def by_recording(graph: Graph) -> str:
    """Accuracy of the dense network on recordings it has never seen, where the recipe measured it."""
    value = graph.facts.get("by_recording")
    return percent(value) if type(value) is float and 0 <= value <= 1 else ""


def arena_note(facts: Facts, graph: Graph) -> str:
    """What the arena does not hold."""
    given, returned = graph.input_tensor.elements, graph.output_tensor.elements
    return (
        f"The input ({in_bytes(given)}) and the output ({in_bytes(returned)}) lie in the caller's memory, "
        "not in the arena."
    )


def labelled(graph: Graph) -> str:
    """The command that measures accuracy on the device."""
    return f"{COUNT} --data {known_recipe(graph) or 'X.npz'}"


def _place(comparison: Comparison) -> Place:
    samples, compared = comparison.samples, comparison.tensors_compared
    even = samples and compared % samples == 0
    tensors = f"{grouped(compared // samples)} tensors each" if even else f"{grouped(compared)} tensors"
    text = f"{grouped(samples)} samples, {tensors}, {grouped(comparison.mismatches)} mismatches"
    first = comparison.first
    found: tuple[tuple[str, str], ...] = ()
    if first is not None:
        numbers = {"sample": first.sample, "index": first.index, "expected": first.expected, "got": first.got}
        found = (("layer", first.layer), ("tensor", first.tensor), *((key, str(n)) for key, n in numbers.items()))
    return Place(comparison.place, "bad" if comparison.mismatches else "good", text, found)


def _weights(facts: Facts) -> Tile:
    rivals = (("dense int8", facts.dense_int8_bytes), ("float32", facts.float32_bytes))
    compared = ((factor(size, facts.weights_bytes, "smaller", "larger"), rival) for rival, size in rivals)
    notes = tuple(f"{against} than {rival}" for against, rival in compared if against)
    return Tile("Weights in flash", in_bytes(facts.weights_bytes), notes)


def _ram(facts: Facts) -> Tile:
    if facts.is_library:
        return Tile("RAM for tensors", in_bytes(facts.arena_bytes), ("the arena; the library has no variables",))
    if facts.ram_bytes is None:
        return Tile(
            "RAM for tensors",
            in_bytes(facts.arena_bytes),
            ("the arena; with stack and variables not measured yet: run",),
            BUILD,
        )
    stack_bytes = facts.stack_bytes or 0
    rest_bytes = facts.ram_bytes - facts.arena_bytes - stack_bytes
    own_bytes = facts.arena_bytes + stack_bytes
    parts = (
        (facts.arena_bytes, "tensor arena"),
        (stack_bytes, "stack"),
        (rest_bytes, "more for the firmware's variables and link buffers"),
    )
    title = "RAM for tensors and stack" if stack_bytes else "RAM for tensors"
    return Tile(title, in_bytes(own_bytes), tuple(f"{in_bytes(size)} {what}" for size, what in parts if size > 0))


def stack_note(facts: Facts) -> str:
    """The deepest calls, which the bound of the stack comes from, or why there is none; empty before a build."""
    if facts.stack_unbounded is not None:
        return f"The stack has no bound: {facts.stack_unbounded}."
    calls = ", ".join(f"{name} {grouped(size)}" for name, size in facts.stack_chain)
    return f"The stack is deepest, and so bounded, where these calls meet (bytes each): {calls}." if calls else ""


def _instructions(facts: Facts) -> Tile:
    title = "Instructions per inference"
    if facts.instructions is None:
        return Tile(title, "–", (_NO_BOARD,)) if facts.is_library else Tile(title, "", (), COUNT)
    each = facts.instructions / max(1, facts.macs_nonzero)
    notes = [f"{each:.1f} per nonzero MAC"]
    if facts.cycles is not None:
        stalls = facts.flash_stall_cycles
        waits = f", {grouped(stalls)} more for flash" if stalls else ""
        notes.append(f"{grouped(facts.cycles)} cycles{waits}")
    if facts.seconds is not None and facts.clock_hz is not None:
        notes.append(f"{duration(facts.seconds)} at {facts.clock_hz / 1e6:g}{THIN}MHz")
    if facts.latency_source is not None:
        notes.append(_SOURCES.get(facts.latency_source, facts.latency_source))
    if facts.calibrated:
        notes.append("cycles scaled by the board's calibration")
    if facts.same_for_every_input:
        notes.append("proved to be the same for every input")
    return Tile(title, grouped(facts.instructions), tuple(notes))


def _accuracy(facts: Facts, graph: Graph) -> Tile:
    title = "Accuracy on the device"
    if facts.accuracy_device is None and facts.is_library:
        return Tile(title, "–", (_NO_BOARD,))
    if facts.accuracy_device is None:
        return Tile(title, "", (), labelled(graph))
    samples = facts.accuracy_samples if facts.device_samples is None else facts.device_samples
    notes = [] if samples is None else [f"{grouped(samples)} samples"]
    if facts.accuracy_float is not None:
        notes.append(f"{percent(facts.accuracy_float)} dense in float")
    return Tile(title, percent(facts.accuracy_device), tuple(notes))
