import pytest

from tinybayes.build.linkmap import PlacedSection, read_link_map
from tinybayes.errors import FileFormatError

MAP = """\
Discarded input sections

 .text          0x00000000        0x0 a.o
 .text.unused   0x00000000       0x24 a.o

Memory Configuration

Name             Origin             Length             Attributes
FLASH            0x00000000         0x00040000         xr

Linker script and memory map

LOAD a.o
                0x00000400                STACK_BYTES = 0x400

.text           0x00000000       0x5c
 *(.vectors)
 .vectors       0x00000000        0x8 a.o
 *(.text .text.*)
 .text          0x00000008        0x0 a.o
 .text.short    0x00000008        0xa CMakeFiles/network.dir/network/dir with space/a.c.obj
                0x00000008                short
 *fill*         0x00000012        0x2 00bf
 .text.a_name_that_is_long
                0x00000014       0x40 /usr/lib/libc_nano.a(memcpy.o)
                0x00000014                a_name_that_is_long
 .rodata.str1.1
                0x00000054        0x7 a.o
                                  0x9 (size before relaxing)
                0x0000005c                . = ALIGN (0x4)
 *fill*         0x0000005b        0x1

.a_long_output_section
                0x20000000        0x4 load address 0x0000005c
 .data.x        0x20000000        0x4 a.o

/DISCARD/
 *(.unwanted)
 .unwanted      0x00000000       0x1a a.o
OUTPUT(toy.elf elf32-littlearm)
"""


def test_every_placed_section_is_read_and_nothing_else(tmp_path):
    path = tmp_path / "toy.map"
    path.write_text(MAP)
    assert read_link_map(path) == [
        PlacedSection(".vectors", 0x0, 8, "a.o", ".text"),
        PlacedSection(".text.short", 0x8, 10, "CMakeFiles/network.dir/network/dir with space/a.c.obj", ".text"),
        PlacedSection("*fill*", 0x12, 2, "", ".text"),
        PlacedSection(".text.a_name_that_is_long", 0x14, 64, "/usr/lib/libc_nano.a(memcpy.o)", ".text"),
        PlacedSection(".rodata.str1.1", 0x54, 7, "a.o", ".text"),
        PlacedSection("*fill*", 0x5B, 1, "", ".text"),
        PlacedSection(".data.x", 0x20000000, 4, "a.o", ".a_long_output_section"),
        PlacedSection(".unwanted", 0x0, 0x1A, "a.o", "/DISCARD/"),
    ]


def test_other_file_is_refused(tmp_path):
    path = tmp_path / "toy.map"
    path.write_bytes(b"\x7fELF\xff\xfe\n")
    with pytest.raises(FileFormatError, match="is not a GNU ld map"):
        read_link_map(path)
