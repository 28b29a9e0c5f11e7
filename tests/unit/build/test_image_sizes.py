import subprocess

import pytest

from tinybayes.build.cmake import build_firmware, map_beside
from tinybayes.build.elf import function_ranges
from tinybayes.build.image import read_image
from tinybayes.errors import FileFormatError, InternalError


def object_sizes(elf):
    """Text, data and bss of the network's objects, as binutils counts them."""
    objects = sorted((elf.parent / "CMakeFiles/network.dir/network").glob("*.obj"))
    listed = subprocess.run(["arm-none-eabi-size", *objects], capture_output=True, text=True, check=True).stdout
    return {
        o.name: [int(n) for n in line.split()[:3]] for o, line in zip(objects, listed.splitlines()[1:], strict=True)
    }


def test_parts_sum_to_the_image_exactly(toy_elf, tmp_path):
    sizes = read_image(toy_elf, map_beside(toy_elf))
    binary = tmp_path / "toy.bin"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", toy_elf, binary], check=True)
    assert sizes.image_bytes == binary.stat().st_size
    assert sizes.network_bytes + sizes.other_bytes == sizes.image_bytes
    # Not only in number: the pieces put together are the image.
    assert b"".join(piece.data or bytes(piece.size_bytes) for piece in sizes.flash) == binary.read_bytes()


def test_the_networks_part_is_its_objects_and_the_padding_between_them(toy_elf):
    sizes = read_image(toy_elf, map_beside(toy_elf))
    objects = object_sizes(toy_elf)
    assert objects["toy_weights.c.obj"] == [33 + 5 * 32 + 5 * 4, 0, 0]
    code_bytes = sum(piece.size_bytes for piece in sizes.flash if piece.network and piece.code)
    assert code_bytes == objects["toy.c.obj"][0]
    assert sizes.network_bytes - code_bytes == 33 + 3 + 5 * 32 + 5 * 4


def test_ram_is_variables_and_the_stack_apart(toy_elf):
    sizes = read_image(toy_elf, map_beside(toy_elf))
    listed = subprocess.run(["arm-none-eabi-size", toy_elf], capture_output=True, text=True, check=True).stdout
    _, data_bytes, bss_bytes = (int(n) for n in listed.splitlines()[1].split()[:3])
    assert sizes.reserved_stack_bytes == 1024
    assert sizes.static_ram_bytes == data_bytes + bss_bytes - 1024


def test_pieces_of_the_network_are_its_sections(toy_elf):
    pieces = {p.name: p for p in read_image(toy_elf, map_beside(toy_elf)).flash if p.network and not p.is_padding}
    assert {name: p.size_bytes for name, p in pieces.items() if not p.code} == {
        ".rodata.toy_weights_1": 33,
        ".rodata.toy_weights_2": 160,
        ".rodata.toy_bias_2": 20,
    }
    functions = {p.function for p in pieces.values() if p.code}
    assert functions == {"dot", "toy_step_0", "toy_step_1", "toy_step_2", "toy_run"}


def test_literals_are_what_the_disassembler_calls_data(toy_elf):
    listed = subprocess.run(["arm-none-eabi-objdump", "-d", toy_elf], capture_output=True, text=True, check=True).stdout
    sizes = {".word": 4, ".short": 2, ".byte": 1}
    counted, symbol = {}, ""
    for line in listed.splitlines():
        if line.endswith(">:"):
            symbol = line.split("<")[1][:-2]
        for directive in sizes.keys() & set(line.split()):
            counted[symbol] = counted.get(symbol, 0) + sizes[directive]
    image = read_image(toy_elf, map_beside(toy_elf))
    found = {p.function: p.literal_bytes for p in image.flash if p.code and p.literal_bytes and p.network}
    assert found == {name: size for name, size in counted.items() if name in ("dot", "toy_run") or "toy_step" in name}
    assert found


def test_function_addresses_lack_the_thumb_bit(toy_elf):
    ranges = function_ranges(toy_elf)
    assert all(address % 2 == 0 for address, _ in ranges.values())
    assert ranges["bench_end"][1] == 6  # nop, nop, bx lr


@pytest.mark.parametrize(
    ("definition", "section"), [("int32_t spare = 7;", r"\.data\.spare"), ("int32_t spare;", r"\.bss\.spare")]
)
def test_network_with_a_variable_is_our_bug(toy_project, definition, section):
    source = toy_project / "network/toy.c"
    text = source.read_text().replace("    int32_t sum = 0;", "    int32_t sum = ++spare;")
    source.write_text(text.replace("#define TOY_STEP", f"extern int32_t spare;\n{definition}\n#define TOY_STEP"))
    elf = build_firmware(toy_project, "toy")
    with pytest.raises(InternalError, match=rf"4 bytes of variables in section {section} of .*network/toy\.c\.obj"):
        read_image(elf, map_beside(elf))


def test_map_of_another_image_is_refused(toy_elf, tmp_path):
    # One function moved by two bytes: what lies behind it overlaps.
    text = map_beside(toy_elf).read_text()
    before, after = text.split(" .text.toy_step_1\n", 1)
    grown = before + " .text.toy_step_1\n" + after.replace("0x28 CMakeFiles", "0x2a CMakeFiles", 1)
    assert grown != text
    other = tmp_path / "other.map"
    other.write_text(grown)
    with pytest.raises(FileFormatError, match="the map does not belong to this image"):
        read_image(toy_elf, other)


def test_map_without_the_network_is_refused(toy_elf, tmp_path):
    other = tmp_path / "other.map"
    other.write_text("Linker script and memory map\n")
    with pytest.raises(FileFormatError, match="places nothing of an object of network/"):
        read_image(toy_elf, other)


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"no ELF at all" * 10])
def test_file_that_is_no_elf_is_refused(tmp_path, content):
    elf = tmp_path / "toy.elf"
    elf.write_bytes(content)
    with pytest.raises(FileFormatError, match="is not an ELF file"):
        read_image(elf, tmp_path / "toy.map")


def test_damaged_elf_never_escapes_as_another_error(toy_elf, tmp_path):
    whole = toy_elf.read_bytes()
    damaged = tmp_path / "damaged.elf"
    for cut in range(0, 600, 7):
        damaged.write_bytes(whole[:cut] + bytes([whole[cut] ^ 0xFF]) + whole[cut + 1 :])
        try:
            read_image(damaged, map_beside(toy_elf))
        except FileFormatError:
            continue
    for cut in range(52, len(whole), len(whole) // 40):
        damaged.write_bytes(whole[:cut])
        with pytest.raises(FileFormatError):
            read_image(damaged, map_beside(toy_elf))
