"""Pictures of matrices, bars, the arena map, the accuracy axis and the colours."""

import io

import matplotlib.image
import numpy as np
import pytest

from tinybayes.report import theme
from tinybayes.report.accuracy_plot import accuracy_plot
from tinybayes.report.arena_map import arena_map
from tinybayes.report.bars import factor, flash_bars, stacked
from tinybayes.report.facts import check
from tinybayes.report.matrices import png, shrink
from tinybayes.report.record import Record
from tinybayes.report.tables import flash_table, parts_table


def test_a_png_shows_sign_and_strength_and_leaves_zeros_transparent() -> None:
    matrix = np.array([[0, 127, -127], [-1, 0, 64]], dtype=np.int8)
    decoded = matplotlib.image.imread(io.BytesIO(png(matrix)), format="png")
    assert decoded.shape == (2, 3, 4)
    alpha = np.round(decoded[..., 3] * 255).astype(int)
    assert alpha[matrix == 0].tolist() == [0, 0]
    assert alpha[0, 1] == alpha[0, 2] == 255
    assert 100 < alpha[1, 0] < alpha[1, 2] < 255
    colours = np.round(decoded[..., :3] * 255).astype(int)
    assert tuple(colours[0, 1]) == tuple(colours[1, 2]) == theme.POSITIVE_RGB
    assert tuple(colours[0, 2]) == tuple(colours[1, 0]) == theme.NEGATIVE_RGB


def test_the_extreme_code_has_a_colour() -> None:
    decoded = matplotlib.image.imread(io.BytesIO(png(np.array([[-128]], dtype=np.int8))), format="png")
    assert decoded[0, 0, 3] == 1


def test_shrinking_keeps_the_largest_weight_of_a_block() -> None:
    matrix = np.array([[0, 3, 0, 0, 1], [-9, 0, 0, 0, -128], [0, 0, 0, 7, 0]], dtype=np.int8)
    assert shrink(matrix, 2, 2).tolist() == [[-9, 0, -128], [0, 7, 0]]


def test_stacked_segments_follow_each_other() -> None:
    parts = stacked([("weights", 30), ("tables", 0), ("biases", 10)], 80)
    assert [(p.kind, p.x, p.width) for p in parts] == [
        ("weights", "0.000%", "37.500%"),
        ("biases", "37.500%", "12.500%"),
    ]


def test_factors_say_smaller_only_where_it_is() -> None:
    assert factor(266_200, 6_484, "smaller", "larger") == "41× smaller"
    assert factor(100, 120, "smaller", "larger") == "1.20× larger"
    assert factor(100, 0, "smaller", "larger") == ""


def test_the_arena_map_is_drawn_to_scale(imu_measured: Record) -> None:
    facts = check(imu_measured)
    drawn = arena_map(facts)
    for box, buffer in zip(drawn.boxes, facts.buffers, strict=True):
        steps = len(facts.layers)
        assert float(box.x[:-1]) == pytest.approx(100 * buffer.first_step / steps, abs=0.01)
        assert float(box.width[:-1]) == pytest.approx(
            100 * (buffer.last_step - buffer.first_step + 1) / steps, abs=0.01
        )
        bottom = 260 * (1 - buffer.offset / facts.arena_bytes)
        assert float(box.y) == pytest.approx(bottom - 260 * buffer.size_bytes / facts.arena_bytes, abs=0.01)
        assert (box.kind == "scratch") == buffer.name.endswith(".scratch")
    live = [sum(b.size_bytes for b in facts.buffers if b.first_step <= k <= b.last_step) for k in range(5)]
    assert [column.live.replace("\u202f", "") for column in drawn.columns] == [str(n) for n in live]


@pytest.mark.parametrize(
    "values", [[0.9843, 0.9817, 0.9821], [1.0, 1.0], [0.0], [0.1, 0.97], [0.0, 1.0], [0.95], [0.99995, 0.9999]]
)
def test_the_accuracy_axis_holds_all_dots_and_its_ticks_are_exact(values: list[float]) -> None:
    plot = accuracy_plot([("stage", "trained", value, None) for value in values])
    assert len(plot.links) == len(values) - 1
    ticks = [float(text.replace("\u202f%", "")) / 100 for _, text in plot.ticks]
    assert ticks == sorted(set(ticks)) and ticks[0] >= 0 and ticks[-1] <= 1
    for dot, value in zip(plot.dots, values, strict=True):
        place = float(dot.x[:-1]) / 100
        assert 0 <= place <= 1
        assert ticks[0] + place * (ticks[-1] - ticks[0]) == pytest.approx(value, abs=2e-5)


@pytest.mark.parametrize("colours", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_colours_stand_out(colours: dict[str, str]) -> None:
    for surface in theme.SURFACES:
        for text in theme.TEXTS:
            assert theme.contrast(colours[text], colours[surface]) >= 4.5, (text, surface)
    for mark in theme.MARKS:
        assert theme.contrast(colours[mark], colours["surface"]) >= 3, mark
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("surface", [theme.LIGHT["surface"], theme.DARK["surface"]])
def test_weights_stand_out_on_both_surfaces(surface: str) -> None:
    for rgb in (theme.POSITIVE_RGB, theme.NEGATIVE_RGB):
        assert theme.contrast("#" + bytes(rgb).hex(), surface) >= 3


def test_light_and_dark_name_the_same_colours() -> None:
    assert theme.LIGHT.keys() == theme.DARK.keys()


def number(cell: str) -> int:
    return 0 if cell == "–" else int("".join(digit for digit in cell if digit.isdigit()))


def test_the_flash_table_sums_to_the_image_by_row_and_column(lenet_measured: Record) -> None:
    facts = check(lenet_measured)
    table = flash_table(facts)
    numbers = [[number(cell) for cell in row[table.words :]] for row in table.rows]
    *rows, total = numbers
    assert [sum(column) for column in zip(*rows, strict=True)] == total
    assert total[-1] == facts.image_bytes
    headings = table.headings[table.words :]
    for row in rows:
        assert sum(row[headings.index(kind)] for kind in ("constants", "instructions", "literals")) == row[-1]
    layers = len(facts.layers)
    assert [row[1] for row in table.rows[layers:]] == [
        "shared by the layers", "startup.c", "libc_nano.a", "alignment", "whole image",
    ]  # fmt: skip


def test_before_a_build_the_flash_table_has_no_code(lenet_record: Record) -> None:
    table = flash_table(check(lenet_record))
    assert {row[-2] for row in table.rows} == {row[-3] for row in table.rows} == {"–"}
    assert table.rows[-1][1] == "all layers"
    assert number(table.rows[-1][-1]) == lenet_record["flash"]["weights_bytes"]


def test_the_bars_of_flash_sum_to_the_image(lenet_measured: Record) -> None:
    bars = flash_bars(check(lenet_measured))
    assert bars[-1].label == "rest of the firmware"
    assert sum(number(bar.value) for bar in bars) == lenet_measured["flash"]["image_bytes"]


def test_ram_by_variable_sums_to_all_of_it(lenet_measured: Record) -> None:
    facts = check(lenet_measured)
    table = parts_table(facts.ram_parts, facts.stack_bytes)
    assert number(table.rows[-1][-1]) == facts.ram_bytes == sum(number(row[-1]) for row in table.rows[:-1])
    assert [*table.rows[-2][:3], number(table.rows[-2][3])] == ["stack", "worst case", "stack", facts.stack_bytes]
