"""report.html: complete, self-contained, honest about what is not known, and safe against hostile names."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.unit.report.conftest import compiled_record
from tinybayes import tbn
from tinybayes.errors import FileFormatError, UserError
from tinybayes.ir import Graph
from tinybayes.report.html import render, write_report
from tinybayes.report.record import Record, record_text

VOID = {"meta", "img"}


class Outline(HTMLParser):
    """Checks that tags nest, and collects tags, attributes, text and headings."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.headings: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []
        self.text = " ".join(self.text.replace("\u202f", " ").split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(key, value or "") for key, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(key, value or "") for key, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            return
        self.text += data
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def renamed(graph: Graph, old: str, new: str) -> Graph:
    nodes = tuple(replace(node, name=new) if node.name == old else node for node in graph.nodes)
    return replace(graph, nodes=nodes)


def test_after_verify_every_figure_is_there(lenet_measured: Record, lenet_graph: Graph) -> None:
    page = Outline(render(lenet_measured, lenet_graph))
    assert page.headings[-7:] == [
        "Flash, by layer and kind",
        "RAM over time",
        "Cost, by layer",
        "Sparsity",
        "Accuracy, from float to device",
        "Beside the same network stored dense",
        "Where it comes from",
    ]
    assert page.tags.count("img") == len(lenet_graph.mac_nodes)
    assert page.tags.count("circle") == 6 + 2 + 1  # stages, reference and device, the mark of the verdict
    assert "not measured yet" not in page.text
    for shown in (
        "Every bit agrees on host and qemu",
        "10 000 samples, 4 tensors each, 0 mismatches",
        f"{lenet_measured['flash']['weights_bytes']:,} B".replace(",", " "),
        "116 911",
        "98.21 %",
        "41× smaller than dense int8",
        "164× smaller than float32",
        "Trained as 300 × 784: 226 dead outputs and 291 dead inputs removed.",
        "tinybayes train mnist-lenet300 --seed 0 --sparse-epochs 140 --levels 29 --out NET.tbn",
    ):
        assert shown in page.text


def test_after_compile_each_missing_figure_names_its_command(lenet_record: Record, lenet_graph: Graph) -> None:
    page = Outline(render(lenet_record, lenet_graph))
    assert "Not verified yet Run tinybayes verify DIR --on host,qemu" in page.text
    assert "Instructions per inference not measured yet run tinybayes verify DIR --on qemu" in page.text
    assert (
        "Accuracy on the device not measured yet run tinybayes verify DIR --on qemu --data mnist-lenet300" in page.text
    )
    assert "The whole image not measured yet: run tinybayes build DIR" in page.text
    assert "On the device: not measured yet" in page.text
    assert "None" not in page.text and "null" not in page.text


def test_a_network_without_facts_has_no_accuracy_to_show(lenet_graph: Graph) -> None:
    graph = replace(lenet_graph, facts={})
    page = Outline(render(compiled_record(graph, "network"), graph))
    assert "tinybayes verify DIR --on qemu --data X.npz" in page.text
    assert "tinybayes compile NET.tbn --board mps2-an386 --objective flash --out DIR" in page.text
    assert "tinybayes train" not in page.text


def test_a_mismatch_is_told_to_the_element(imu_measured: Record, imu_graph: Graph) -> None:
    first = {"sample": 17, "layer": "layer.2", "tensor": "t3", "index": 1042, "expected": 17, "got": -3}
    imu_measured["verify"]["qemu"].update(mismatches=3, first_mismatch=first)
    page = Outline(render(imu_measured, imu_graph))
    assert "Differs from the reference on qemu" in page.text
    assert "1 214 samples, 5 tensors each, 3 mismatches" in page.text
    told = "first difference: layer layer.2 tensor t3 sample 17 index 1042 expected 17 got -3"
    assert told in page.text


def test_a_speed_without_cycles_is_not_guessed(imu_measured: Record, imu_graph: Graph) -> None:
    assert " cycles" not in Outline(render(imu_measured, imu_graph)).text
    imu_measured["latency"].update(cycles=615_432, seconds=0.02461728)
    assert "615 432 cycles 24.6 ms at 25 MHz" in Outline(render(imu_measured, imu_graph)).text


def test_cycles_are_shown_with_what_waits_for_flash_and_lies_between_the_layers(
    imu_measured: Record, imu_graph: Graph
) -> None:
    for layer in imu_measured["layers"]:
        layer.update(cycles=2 * layer["instructions"], flash_stall_cycles=100)
    total = imu_measured["latency"]["instructions"]
    cycles, stalls = 2 * (total - 61) + 90, 100 * len(imu_measured["layers"]) + 10
    imu_measured["latency"].update(
        cycles=cycles, flash_stall_cycles=stalls, seconds=(cycles + stalls) / 25e6,
        between_layers={"instructions": 61, "cycles": 90, "flash_stall_cycles": 10},
    )  # fmt: skip
    page = Outline(render(imu_measured, imu_graph)).text
    assert "cycles of the core waiting for flash" in page
    assert "between them––6190104.00–" in page, "no spaces between the cells of a row"
    imu_measured["latency"]["between_layers"]["cycles"] = 91
    with pytest.raises(FileFormatError, match=r"latency: cycles: got .* wanted the sum over the layers"):
        render(imu_measured, imu_graph)


def test_hostile_names_are_text(lenet_graph: Graph) -> None:
    evil = "<script>alert(1)</script>\"'&"
    graph = renamed(lenet_graph, "layer.1", evil).with_facts(recipe=evil, knobs={evil: evil}, seed=evil)
    record = compiled_record(graph, evil)
    record["board"]["name"] = record["objective"] = evil
    record["arena"][0]["name"] = evil
    record["verify"] = {evil: {"samples": 1, "tensors_compared": 4, "mismatches": 0, "first_mismatch": None}}
    text = render(record, graph)
    page = Outline(text)
    assert "script" not in page.tags and "<script" not in text
    assert evil in page.text
    assert not any(key.startswith("on") for key, _ in page.attributes)


def test_facts_that_no_text_can_hold_are_escaped(lenet_graph: Graph) -> None:
    graph = lenet_graph.with_facts(recipe="\ud800", knobs={"\ud800": "\x07", "deep": [[1], {"a": None}]})
    text = render(compiled_record(graph, "network"), graph)
    assert text.encode("utf-8")
    assert r"\ud800" in text and r"\u0007" in text


def test_commands_can_be_pasted_safely(lenet_graph: Graph) -> None:
    text = Outline(render(compiled_record(lenet_graph, "x; rm -rf ~"), lenet_graph)).text
    assert "--name 'x; rm -rf ~' --out DIR" in text


@pytest.mark.parametrize("state", ["compiled", "measured"])
def test_the_page_needs_nothing_from_outside(
    state: str, lenet_record: Record, lenet_measured: Record, lenet_graph: Graph
) -> None:
    text = render(lenet_measured if state == "measured" else lenet_record, lenet_graph)
    page = Outline(text)
    assert not {"script", "link", "iframe", "object", "embed", "base"} & set(page.tags)
    assert all(value.startswith("data:image/png;base64,") for key, value in page.attributes if key in ("src", "href"))
    assert re.search(r"https?:|//[a-z]|@import|url\(", re.sub(r'src="[^"]*"', "", text)) is None
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:") in page.attributes


def test_every_figure_is_named_for_those_who_cannot_see_it(imu_measured: Record, imu_graph: Graph) -> None:
    text = render(imu_measured, imu_graph)
    for tag in re.findall(r"<svg[^>]*>", text):
        nested = " x=" in tag
        assert nested or 'aria-hidden="true"' in tag or re.search(r'role="img" aria-label="[^"]+"', tag), tag
    assert all(re.search(r'alt="[^"]+"', tag) for tag in re.findall(r"<img[^>]*>", text))


def test_the_same_files_give_the_same_bytes(tmp_path: Path, lenet_measured: Record, lenet_graph: Graph) -> None:
    pages = []
    for name in ("one", "two"):
        directory = tmp_path / name
        directory.mkdir()
        tbn.save(lenet_graph, directory / "network.tbn")
        (directory / "report.json").write_text(record_text(lenet_measured))
        path = write_report(directory)
        assert path == directory / "report.html"
        assert sorted(p.name for p in directory.iterdir()) == ["network.tbn", "report.html", "report.json"]
        pages.append(path.read_bytes())
    assert pages[0] == pages[1] == render(lenet_measured, lenet_graph).encode()
    assert str(tmp_path).encode() not in pages[0]


def test_record_and_network_must_belong_together(imu_measured: Record, lenet_graph: Graph) -> None:
    with pytest.raises(FileFormatError, match=r"not of the same network.*compile again"):
        render(imu_measured, lenet_graph)


def test_without_a_network_nothing_is_written(tmp_path: Path, lenet_record: Record) -> None:
    (tmp_path / "report.json").write_text(record_text(lenet_record))
    with pytest.raises(UserError, match=r"network\.tbn"):
        write_report(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]
