"""report.json: exact after compile, null where nothing is known yet, refused where it is not ours."""

import json
from pathlib import Path

import pytest

from tests.golden.networks import averaged_map, padded_series, three_formats
from tinybayes.boards import load_board
from tinybayes.errors import FileFormatError
from tinybayes.ir import Graph
from tinybayes.plan import make_plan
from tinybayes.report.record import FILE_NAME, SCHEMA, Record, compiled, read_record, record_text

BOARD = load_board("mps2-an386")


def record_of(graph: Graph) -> Record:
    return compiled(make_plan(graph, "flash"), BOARD, name="network", protocol="frames")


@pytest.mark.parametrize("graph", [three_formats(), padded_series(), averaged_map()], ids=lambda g: g.nodes[0].name)
def test_bytes_add_up(graph: Graph) -> None:
    record = record_of(graph)
    for layer in record["layers"]:
        assert sum(layer["weights_bytes_by_kind"].values()) == layer["weights_bytes"]
    assert sum(layer["weights_bytes"] for layer in record["layers"]) == record["flash"]["weights_bytes"]
    assert record["ram"]["arena_bytes"] == max(buffer["offset"] + buffer["bytes"] for buffer in record["arena"])


def test_counts_are_those_of_the_network_before_dead_parts_were_removed() -> None:
    network = record_of(three_formats())["network"]
    assert network["parameters"] == (8 * 20 + 8) + (4 * 8 + 4) + (3 * 4 + 3)
    assert network["macs_dense"] == 8 * 20 + 4 * 8 + 3 * 4
    assert network["nonzero"] == network["macs_nonzero"] == 32 + 24 + 2


def test_multiplications_of_a_convolution_count_at_every_position_before_pooling() -> None:
    record = record_of(padded_series())
    conv = record["layers"][1]
    assert (conv["name"], conv["fused"]) == ("conv", "pool")
    assert conv["macs_dense"] == 4 * 3 * 2 * 8
    assert record["network"]["macs_nonzero"] == 12 * 8 + 7


def test_what_is_not_known_after_compile_is_null() -> None:
    record = record_of(three_formats())
    assert set(record["latency"].values()) == {None}
    assert set(record["accuracy"].values()) == {None}
    assert [record["flash"][key] for key in ("code_bytes", "other_bytes", "image_bytes")] == [None] * 3
    assert [record["ram"][key] for key in ("static_bytes", "stack_bytes", "total_bytes")] == [None] * 3
    assert record["verify"] == {}


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    record = record_of(averaged_map())
    (tmp_path / FILE_NAME).write_text(record_text(record))
    assert read_record(tmp_path) == record


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("[]", "got schema 'list', wanted 1; compile again"),
        ("{}", "got schema None, wanted 1; compile again"),
        (json.dumps({"schema": SCHEMA + 1}), "got schema 2, wanted 1; compile again"),
    ],
)
def test_records_that_are_not_ours(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(FileFormatError, match=told):
        read_record(tmp_path)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_record(tmp_path)


def test_a_directory_without_a_record_says_which_command_writes_it(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"holds no report\.json; this writes it: tinybayes compile"):
        read_record(tmp_path)
