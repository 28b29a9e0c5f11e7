"""Every byte of real images has one owner, and an image that does not hold what was planned is refused."""

import dataclasses
import html
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from tests.golden.networks import averaged_map, padded_series, three_formats
from tinybayes.boards import load_board
from tinybayes.build.account import account_for
from tinybayes.build.cmake import map_beside
from tinybayes.build.image import read_image
from tinybayes.deployment import Deployment
from tinybayes.errors import InternalError, LimitError
from tinybayes.pipeline import compile_network

BOARD = load_board("mps2-an386")
NETWORKS = {made.__name__: made for made in (three_formats, padded_series, averaged_map)}


def elf_of(deployment: Deployment) -> Path:
    return deployment.directory / "build" / f"{deployment.name}.elf"


@pytest.fixture(scope="module", params=[(name, protocol) for name in NETWORKS for protocol in ("frames", "none")])
def built(request, tmp_path_factory) -> Deployment:
    name, protocol = request.param
    out = tmp_path_factory.mktemp(name) / "out"
    deployment = compile_network(NETWORKS[name](), BOARD, out, objective="flash", protocol=protocol)
    deployment.build()
    return deployment


def test_flash_sums_to_what_a_programmer_writes(built, tmp_path):
    binary = tmp_path / "image.bin"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", elf_of(built), binary], check=True)
    flash = built.record["flash"]
    assert sum(part["bytes"] for part in flash["parts"]) == flash["image_bytes"] == binary.stat().st_size
    assert flash["weights_bytes"] + flash["code_bytes"] + flash["other_bytes"] == flash["image_bytes"]


def test_flash_and_ram_sum_to_the_linkers_totals(built):
    listed = subprocess.run(["arm-none-eabi-size", elf_of(built)], capture_output=True, text=True, check=True).stdout
    text_bytes, data_bytes, bss_bytes = (int(n) for n in listed.splitlines()[1].split()[:3])
    flash, ram = built.record["flash"], built.record["ram"]
    assert flash["image_bytes"] == text_bytes + data_bytes
    assert ram["reserved_stack_bytes"] == BOARD.stack_bytes
    static_bytes = data_bytes + bss_bytes - BOARD.stack_bytes
    assert sum(part["bytes"] for part in ram["parts"]) == ram["arena_bytes"] + ram["static_bytes"] == static_bytes
    assert ram["total_bytes"] == static_bytes + ram["stack_bytes"]


def test_layers_have_their_constants_by_kind_and_their_code(built):
    parts = built.record["flash"]["parts"]
    for number, layer in enumerate(built.record["layers"]):
        mine = Counter()
        for part in parts:
            if (part["group"], part["owner"]) == ("layer", layer["name"]):
                mine[part["kind"]] += part["bytes"]
        code = {kind: mine.pop(kind, 0) for kind in ("instructions", "literals")}
        assert dict(mine) == layer["weights_bytes_by_kind"]
        assert code == layer["code_bytes_by_kind"]
        assert sum(code.values()) == layer["code_bytes"]
        with elf_of(built).open("rb") as file:
            table = ELFFile(file).get_section_by_name(".symtab")
            (symbol,) = table.get_symbol_by_name(f"{built.name}_step_{number}")
        assert 0 <= layer["code_bytes"] - symbol["st_size"] < 4  # what rounds the section up


def test_code_of_the_network_is_its_layers_and_what_they_share(built):
    parts = built.record["flash"]["parts"]
    shared = sum(part["bytes"] for part in parts if part["group"] == "network")
    assert built.record["flash"]["code_bytes"] == shared + sum(one["code_bytes"] for one in built.record["layers"])
    names = {part["name"] for part in parts if part["group"] == "network"} - {"alignment"}
    traced = (
        {f"{built.name}_step", f"{built.name}_tensors", "steps.0"} if built.record["protocol"] == "frames" else set()
    )
    assert names == {f"{built.name}_run"} | traced


def test_the_rest_is_known_by_name(built):
    parts = built.record["flash"]["parts"]
    by_owner = {part["owner"] for part in parts if part["group"] == "firmware"}
    frames = built.record["protocol"] == "frames"
    expected = {"startup.c", "fault.c"} | (
        {
            "main_frames.c",
            "protocol.c",
            "inference.c",
            "receive.c",
            "golden.c",
            "chip.c",
            "frame.c",
            "stack.c",
            "cycles.c",
            "uart_cmsdk_apb.c",
        }
        if frames
        else {"main_bare.c", "bench.c"}
    )
    assert expected <= by_owner <= {path.name for path in (built.directory / "firmware").glob("*.c")}
    interrupts = BOARD.uart.receive_irq + 1 if frames else 0
    assert ("startup.c", "vectors", 4 * (16 + interrupts)) in {(p["owner"], p["name"], p["bytes"]) for p in parts}
    assert not frames or ("libc_nano.a", "memcpy") in {(p["owner"], p["name"]) for p in parts}


def test_constants_that_differ_from_the_plan_are_our_bug(tmp_path):
    deployment = compile_network(three_formats(), BOARD, tmp_path / "out", objective="flash", protocol="none")
    weights = deployment.directory / "network/network_weights.c"
    text = weights.read_text()
    assert text.count("-12,") == 1
    weights.write_text(text.replace("-12,", "-13,"))
    with pytest.raises(InternalError, match=r"network_layer1_hidden_1 has 40 bytes in the image, and they are not the"):
        deployment.build()


def test_constants_that_are_not_in_the_image_are_our_bug(tmp_path):
    deployment = compile_network(three_formats(), BOARD, tmp_path / "out", objective="flash", protocol="none")
    deployment.build()
    elf = elf_of(deployment)
    image = read_image(elf, map_beside(elf))
    without = tuple(piece for piece in image.flash if "layer2_output" not in piece.name)
    with pytest.raises(InternalError, match="constants of layer 'output', network_layer2_output, are not in the image"):
        account_for(dataclasses.replace(image, flash=without), deployment.plan, deployment.name)


def test_arena_of_another_size_is_our_bug(tmp_path):
    deployment = compile_network(three_formats(), BOARD, tmp_path / "out", objective="flash", protocol="none")
    header = deployment.directory / "network/network.h"
    header.write_text(header.read_text().replace("ARENA_BYTES 10\n", "ARENA_BYTES 12\n"))
    with pytest.raises(InternalError, match="an arena of 12 bytes, the plan one of 10"):
        deployment.build()


@pytest.mark.parametrize("definition", ["int32_t spare = 7;", "int32_t spare;"])
def test_variable_that_the_linker_drops_is_our_bug_too(tmp_path, definition):
    deployment = compile_network(three_formats(), BOARD, tmp_path / "out", objective="flash", protocol="none")
    source = deployment.directory / "network/network.c"
    source.write_text(source.read_text() + f"extern int32_t spare;\n{definition}\n")
    with pytest.raises(InternalError, match=r"4 bytes of variables in section \.(data|bss)\.spare"):
        deployment.build()


@pytest.fixture(scope="module", params=["frames", "none"])
def small_network(request, tmp_path_factory) -> Deployment:
    out = tmp_path_factory.mktemp("small") / "out"
    deployment = compile_network(three_formats(), BOARD, out, objective="flash", protocol=request.param)
    deployment.build()
    return deployment


def board_with(flash_bytes: int | None = None, ram_bytes: int | None = None, **fields: int):
    chip = BOARD.chip
    if flash_bytes is not None:
        chip = dataclasses.replace(chip, flash=dataclasses.replace(chip.flash, size_bytes=flash_bytes))
    if ram_bytes is not None:
        chip = dataclasses.replace(chip, ram=dataclasses.replace(chip.ram, size_bytes=ram_bytes))
    return dataclasses.replace(BOARD, chip=chip, **fields)


def test_image_beyond_the_flash_names_the_largest_layer(tmp_path, small_network):
    image_bytes = small_network.record["flash"]["image_bytes"]
    graph, protocol = small_network.plan.graph, small_network.record["protocol"]
    board = board_with(flash_bytes=image_bytes - 100)
    formats = {step.name: step.format for step in small_network.plan.steps}
    small = compile_network(graph, board, tmp_path / "out", objective="flash", protocol=protocol, formats=formats)
    worst = max(small_network.record["layers"], key=lambda one: one["weights_bytes"] + one["code_bytes"])
    with pytest.raises(LimitError) as caught:
        small.build()
    assert (
        f"it overflows FLASH by 100 bytes. Of the flash, layer {worst['name']!r} takes most: {worst['weights_bytes']} "
        f"bytes of constants and {worst['code_bytes']} of code;"
    ) in str(caught.value)
    assert ("--protocol none leaves out" in str(caught.value)) == (protocol == "frames")


def test_where_the_flash_is_too_small_another_plan_is_found(tmp_path):
    smallest_weights = compile_network(three_formats(), BOARD, tmp_path / "a", objective="flash", protocol="none")
    smallest_weights.build()
    image_bytes = smallest_weights.record["flash"]["image_bytes"]
    board = board_with(flash_bytes=image_bytes - 1)
    other = compile_network(three_formats(), board, tmp_path / "out", objective="flash", protocol="none")
    other.build()
    assert other.record["flash"]["image_bytes"] < image_bytes
    assert other.record["flash"]["weights_bytes"] > smallest_weights.record["flash"]["weights_bytes"]
    board = board_with(flash_bytes=image_bytes // 2)
    none = compile_network(three_formats(), board, tmp_path / "none", objective="flash", protocol="none")
    with pytest.raises(LimitError, match=r"overflows FLASH by \d+ bytes"):
        none.build()


def test_image_of_exactly_the_flash_fits(tmp_path, small_network):
    board = board_with(flash_bytes=small_network.record["flash"]["image_bytes"])
    protocol = small_network.record["protocol"]
    compile_network(small_network.plan.graph, board, tmp_path / "out", objective="flash", protocol=protocol).build()


def test_variables_beyond_the_ram_name_the_layer_that_holds_most(tmp_path):
    sure_bytes = 10 + 16 + 3 + BOARD.stack_bytes + BOARD.link_request_bytes + BOARD.link_window_bytes
    small = compile_network(three_formats(), board_with(ram_bytes=sure_bytes), tmp_path / "out", objective="flash")
    with pytest.raises(
        LimitError,
        match=r"it overflows RAM by \d+ bytes\. Of the RAM, tensors take 10 bytes \(layer 'hidden\.1' holds most, "
        rf"10 at once\), other variables 33\d\d\d, and {BOARD.stack_bytes} are reserved for the stack",
    ):
        small.build()


def test_variables_that_are_sure_not_to_fit_are_refused_before_anything_is_written(tmp_path):
    sure_bytes = 10 + 16 + 3 + BOARD.stack_bytes + BOARD.link_request_bytes + BOARD.link_window_bytes
    with pytest.raises(LimitError, match=r"tensors take 10 bytes of RAM and the firmware at least \d+ besides, 5"):
        compile_network(three_formats(), board_with(ram_bytes=sure_bytes - 5), tmp_path / "out", objective="flash")
    assert not (tmp_path / "out").exists()
    with pytest.raises(
        LimitError, match=r"--max-ram cannot be met\. .*at best 10 bytes of arena are attained \(layer 'hidden\.1'"
    ):
        compile_network(three_formats(), BOARD, tmp_path / "out", objective="flash", max_ram_bytes=1000)


def test_stack_too_small_says_by_how_much_and_where(tmp_path, small_network):
    graph, protocol, ram = small_network.plan.graph, small_network.record["protocol"], small_network.record["ram"]
    pushed_bytes = 32 + 4
    needed_bytes = ram["stack_bytes"] + pushed_bytes
    short = -(-needed_bytes // 8) * 8 - 8
    board = board_with(stack_bytes=short)
    with pytest.raises(LimitError) as caught:
        compile_network(graph, board, tmp_path / "out", objective="flash", protocol=protocol).build()
    chain = " > ".join(f"{call['function']} {call['bytes']}" for call in ram["stack_chain"])
    assert str(caught.value) == (
        f"the stack of mps2-an386 is too small: {short} bytes are reserved and {needed_bytes} needed, "
        f"{needed_bytes - short} more. The deepest calls take {ram['stack_bytes']} ({chain}), and the {pushed_bytes} "
        f"that a fault pushes must fit below them. Raise stack_bytes in boards/mps2-an386.toml to {short + 8} or more"
    )
    board = board_with(stack_bytes=short + 8)
    compile_network(graph, board, tmp_path / "enough", objective="flash", protocol=protocol).build()


def test_stack_without_a_bound_is_null_and_says_why(tmp_path):
    deployment = compile_network(three_formats(), BOARD, tmp_path / "out", objective="flash", protocol="none")
    source = deployment.directory / "firmware/main_bare.c"
    recursive = (
        "__attribute__((noipa)) static int deeper(int a) { return a < 2 ? 1 : deeper(a - 1) * deeper(a - 2); }\n"
    )
    text = source.read_text().replace("int main(void)", f"{recursive}\nint main(void)")
    source.write_text(text.replace("    stop(0);", "    stop((uint32_t)deeper(2) - 1u);"))
    deployment.build()
    ram = deployment.record["ram"]
    assert ram["stack_bytes"] is ram["total_bytes"] is None
    assert ram["stack_unbounded"] == "it calls itself: deeper -> deeper"
    assert ram["network_stack_bytes"] > 0
    assert "The stack has no bound: it calls itself: deeper" in html.unescape(deployment.report().read_text())
