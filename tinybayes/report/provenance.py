"""Where a network comes from, and the commands that make it again."""

import json
from dataclasses import dataclass, fields
from shlex import quote

from tinybayes.ir import Graph
from tinybayes.recipes.knobs import KNOBS
from tinybayes.report.facts import Facts
from tinybayes.report.numerals import THIN, times
from tinybayes.report.record import SCHEMA
from tinybayes.tbn import FORMAT_VERSION

_LONGEST_FACT = 120


@dataclass(frozen=True)
class Provenance:
    """Where the network comes from, and the commands that make it again."""

    facts: tuple[tuple[str, str], ...]
    knobs: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]


def provenance(facts: Facts, graph: Graph) -> Provenance:
    """Recipe, seed and knobs as the network carries them, versions, and the commands."""
    known = graph.facts
    recipe, seed, knobs = known.get("recipe"), known.get("seed"), known.get("knobs")
    rows = [("recipe", _fact(recipe))] if recipe is not None else []
    if seed is not None:
        rows.append(("seed", _fact(seed)))
    rows += [
        ("board", _board(facts)),
        ("objective", facts.objective),
        ("protocol", facts.protocol),
        ("input, output", f"{times(*facts.input_shape)} int8, {times(*facts.output_shape)} int8"),
        ("formats", f"network.tbn version {FORMAT_VERSION}, report.json schema {SCHEMA}"),
    ]
    shown = tuple(sorted((_fact(k), _fact(v)) for k, v in knobs.items())) if isinstance(knobs, dict) else ()
    return Provenance(tuple(rows), shown, _commands(facts, graph))


def _board(facts: Facts) -> str:
    if facts.clock_hz is None:  # a library
        return f"{facts.core}, library only"
    return f"{facts.board}, {facts.core}, {facts.clock_hz / 1e6:g}{THIN}MHz"


def _commands(facts: Facts, graph: Graph) -> tuple[str, ...]:
    places = "host" if facts.is_library else "host,qemu"
    named = "" if facts.name == "network" else f" --name {quote(facts.name)}"
    framed = "" if facts.protocol == "frames" or facts.is_library else f" --protocol {quote(facts.protocol)}"
    target = f"--board {quote(facts.board)} --objective {quote(facts.objective)}"
    compiling = f"tinybayes compile NET.tbn {target}{named}{framed} --out DIR"
    recipe = known_recipe(graph)
    if not recipe:
        return (compiling, f"tinybayes verify DIR --on {places}", "tinybayes report DIR")
    return (
        f"tinybayes train {recipe}{_options(graph, recipe)} --out NET.tbn",
        compiling,
        f"tinybayes verify DIR --on {places} --data {recipe}",
        "tinybayes report DIR",
    )


def known_recipe(graph: Graph) -> str:
    """The recipe that trained the network, if it is one that we have; else an empty text."""
    recipe = graph.facts.get("recipe")
    return recipe if isinstance(recipe, str) and recipe in KNOBS else ""


def _options(graph: Graph, recipe: str) -> str:
    """The knobs that the training was given: the seed, and whatever is not the recipe's default."""
    default, given = KNOBS[recipe](), graph.facts.get("knobs")
    knobs = {"seed": graph.facts.get("seed"), **(given if isinstance(given, dict) else {})}
    options = ""
    for knob in fields(default):
        value = knobs.get(knob.name)
        if type(value) in (int, float) and (knob.name == "seed" or value != getattr(default, knob.name)):
            options += f" --{knob.name.replace('_', '-')} {value}"
    return options


def _fact(value: object) -> str:
    text = value if isinstance(value, str) and value.isprintable() else json.dumps(value, sort_keys=True)
    return text if len(text) <= _LONGEST_FACT else text[: _LONGEST_FACT - 1] + "…"
