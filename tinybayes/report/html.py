"""report.html: one self-contained page, a pure function of report.json and the network."""

from dataclasses import dataclass
from pathlib import Path

from tinybayes import tbn
from tinybayes.emit.directory import write_atomically
from tinybayes.emit.environment import environment
from tinybayes.errors import FileFormatError
from tinybayes.ir import Graph
from tinybayes.report import accuracy_plot, arena_map, bars, findings, front_plot, matrices, tables, theme
from tinybayes.report import provenance as origin
from tinybayes.report.facts import Facts, check
from tinybayes.report.numerals import in_bytes
from tinybayes.report.record import FILE_NAME, Record, nonzeros, positions, read_record

PAGE_NAME = "report.html"
_NETWORK_NAME = "network.tbn"


@dataclass(frozen=True)
class Page:
    """What the template shows, section by section; all numbers are text already."""

    facts: Facts
    headline: findings.Headline
    verify_command: str
    build_command: str
    count_command: str
    places: tuple[findings.Place, ...]
    flash: tuple[bars.Bar, ...]
    flash_table: tables.Table
    flash_kinds: tuple[tuple[str, str], ...]
    flash_parts: tables.Table | None
    ram_parts: tables.Table | None
    stack_note: str
    image: tuple[bars.Segment, ...]
    image_parts: tuple[tuple[str, str, str], ...]
    image_total: str
    arena: arena_map.ArenaMap
    arena_width: str
    arena_table: tables.Table
    arena_note: str
    cost: tuple[bars.Bar, ...]
    cost_kinds: tuple[tuple[str, str], ...]
    cost_table: tables.Table
    cores: tuple[bars.Bar, ...]
    cores_table: tables.Table
    core_layers_table: tables.Table
    front: front_plot.FrontPlot | None
    front_table: tables.Table
    matrices: tuple[matrices.MatrixPicture, ...]
    accuracy: accuracy_plot.AccuracyPlot | None
    accuracy_missing: str
    accuracy_command: str
    by_recording: str
    comparisons: tuple[bars.Contest, ...]
    provenance: origin.Provenance


def render(record: Record, graph: Graph) -> str:
    """The page as HTML; the same record and network always give the same text.

    ``graph`` is the integer network that ``record`` was compiled from. Raises FileFormatError where the record is
    damaged, or the two do not belong together.
    """
    facts = check(record)
    macs = _nonzero_macs(facts, graph)
    rows = accuracy_plot.accuracy_rows(facts)
    page = Page(
        facts=facts,
        headline=findings.headline(facts, graph),
        verify_command=findings.verify_command(facts),
        build_command="" if facts.is_library else findings.BUILD,
        count_command="" if facts.is_library else findings.COUNT,
        places=findings.places(facts),
        flash=bars.flash_bars(facts),
        flash_table=tables.flash_table(facts),
        flash_kinds=bars.flash_kinds(facts),
        flash_parts=tables.parts_table(facts.flash_parts) if facts.flash_parts else None,
        ram_parts=tables.parts_table(facts.ram_parts, facts.stack_bytes) if facts.ram_parts else None,
        stack_note=findings.stack_note(facts),
        image=bars.image_segments(facts),
        image_parts=bars.image_parts(facts),
        image_total="" if facts.image_bytes is None else in_bytes(facts.image_bytes),
        arena=arena_map.arena_map(facts),
        arena_width=str(arena_map.narrowest_pixels(len(facts.layers))),
        arena_table=tables.arena_table(facts),
        arena_note=findings.arena_note(facts, graph),
        cost=bars.cost_bars(facts),
        cost_kinds=bars.cost_kinds(facts),
        cost_table=tables.cost_table(facts, macs),
        cores=bars.core_bars(facts),
        cores_table=tables.cores_table(facts),
        core_layers_table=tables.core_layers_table(facts),
        front=front_plot.front_plot(facts),
        front_table=front_plot.front_table(facts),
        matrices=matrices.pictures(graph),
        accuracy=accuracy_plot.accuracy_plot(rows) if rows else None,
        accuracy_missing="On the device:" if rows else "",
        accuracy_command=findings.labelled(graph) if facts.accuracy_device is None and not facts.is_library else "",
        by_recording=findings.by_recording(graph),
        comparisons=bars.contests(facts),
        provenance=origin.provenance(facts, graph),
    )
    made = environment().overlay(autoescape=True)
    colours = {"light": theme.declarations(theme.LIGHT), "dark": theme.declarations(theme.DARK)}
    return made.get_template("report/report.html.j2").render(page=page, colours=colours)


def write_report(directory: Path) -> Path:
    """Writes ``report.html`` into a directory that ``compile`` made; its path.

    Raises UserError, or its FileFormatError, where ``report.json`` or ``network.tbn`` is missing or damaged.
    """
    record = read_record(directory)
    graph = tbn.load(directory / _NETWORK_NAME)
    path = directory / PAGE_NAME
    write_atomically(path, render(record, graph).encode("utf-8"))
    return path


def _nonzero_macs(facts: Facts, graph: Graph) -> dict[str, int]:
    """Multiplications with nonzero weights in one inference, by layer; also proves that both are of one network."""
    nodes = {node.name: node for node in graph.nodes if node.weighted}
    counted = {layer.name: layer.nonzero for layer in facts.layers if layer.nonzero is not None}
    if counted != {name: nonzeros(node) for name, node in nodes.items()}:
        raise FileFormatError(
            f"{FILE_NAME} and {_NETWORK_NAME} are not of the same network: their layers have other names or other "
            "numbers of nonzero weights; compile again"
        )
    return {name: nonzeros(node) * positions(graph, node) for name, node in nodes.items()}
