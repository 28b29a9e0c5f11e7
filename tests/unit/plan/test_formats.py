"""How weights lie in flash, byte by byte, worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinybayes.ir import Conv, Linear, Requant
from tinybayes.plan.core_class import CoreClass
from tinybayes.plan.formats import FORMATS, Encoding, Field, Illegal, Site
from tinybayes.plan.formats.encoding import narrow_bias

REQUANT = Requant(0, np.array([16384], np.int32), 16, -128, 127)


def linear(weight: list[list[int]] | np.ndarray, bias: list[int] | None = None, requant: Requant = REQUANT) -> Linear:
    matrix = np.array(weight, dtype=np.int8)
    shaped = matrix.reshape(matrix.shape[0], 1, 1, -1)
    return Linear(
        name="layer", inputs=("x",), output="y", weight=shaped, dense_shape=shaped.shape,
        bias=np.array(bias or [0] * len(matrix), np.int32), requant=requant,
    )  # fmt: skip


def conv(weight: np.ndarray) -> Conv:
    return Conv(
        name="layer", inputs=("x",), output="y", weight=weight.astype(np.int8), dense_shape=weight.shape,
        bias=np.zeros(len(weight), np.int32), requant=REQUANT,
    )  # fmt: skip


def encode(weight_format: str, node: Linear | Conv, core: CoreClass = "dsp") -> Encoding:
    made = FORMATS[node.op, weight_format](node, Site(core))
    assert isinstance(made, Encoding), made
    return made


def stored(encoding: Encoding, name: str) -> list[int]:
    array = encoding.array(name)
    assert array is not None
    return array.values.tolist()


def test_dense_is_every_weight_row_by_row() -> None:
    made = encode("dense", linear([[0, 7, 0], [-128, 0, 127]]), "armv6m")
    assert stored(made, "values") == [0, 7, 0, -128, 0, 127]
    assert made.constants == {"bias_bits": 8, "bias_shift": 0, "columns": 3, "by_fours": 0}
    assert made.size_bytes == 8  # 6 weights and 2 biases of one byte


def test_dense_rows_lie_by_fours_where_words_of_weights_are_multiplied() -> None:
    matrix = np.arange(1, 26).reshape(5, 5)
    made = encode("dense", linear(matrix), "dsp")
    first = [[1, 2, 3, 4], [6, 7, 8, 9], [11, 12, 13, 14], [16, 17, 18, 19]]
    second = [[5, 0, 0, 0], [10, 0, 0, 0], [15, 0, 0, 0], [20, 0, 0, 0]]
    assert stored(made, "values") == [*np.ravel(first), *np.ravel(second), 21, 22, 23, 24, 25, 0, 0, 0]
    assert made.ordered_arrays[0].name == "values", "words are aligned only in front of narrower elements"


def words(*entries: int) -> list[int]:
    """Little-endian words of bytes."""
    return np.array(entries, np.uint8).view("<u4").tolist()


def test_index_stream() -> None:
    made = encode("index", linear([[0, 7, 0, 0, -2], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]]))
    assert stored(made, "counts") == [1, 0, 1]
    # (column, value) of each nonzero, two a word; -2 is 254 as an unsigned byte.
    assert stored(made, "words") == words(1, 7, 4, 254, 4, 1, 0, 0)
    assert made.size_bytes == 16  # 2 words, 3 counts, 3 biases, and 2 bytes of padding
    assert made.padding_bytes == 2


def test_index_stream_counts_from_the_start_of_each_tile_of_256_columns() -> None:
    row = np.zeros((1, 600), np.int8)
    row[0, [2, 255, 256, 599]] = [1, 2, 3, 4]
    made = encode("index", linear(row))
    assert stored(made, "counts") == [1, 1, 1]
    assert stored(made, "words") == words(2, 1, 255, 2, 0, 3, 0, 0, 599 - 512, 4, 0, 0)


def test_columns_and_values_lie_apart_where_vectors_gather() -> None:
    row = np.zeros((2, 300), np.int8)
    row[0, [2, 255, 256]], row[1, 299] = [1, -2, 3], 4
    made = encode("gather", linear(row), "mve")
    assert stored(made, "counts") == [2, 1, 0, 1]
    assert stored(made, "offsets") == [2, 255, 0, 43]
    assert stored(made, "values") == [1, -2, 3, 4]


@pytest.mark.parametrize("core", ["armv6m", "dsp"])
def test_straight_line_code_counts_every_byte_of_its_function(core: CoreClass) -> None:
    made = encode("straight", linear([[0, 7, 0, 0, -2], [0, 0, 0, 0, 0]]), core)
    assert made.code is not None
    assert made.size_bytes == made.code.size_bytes == sum(made.bytes_by_kind.values())
    loads = [line for line in made.code.lines if "ldrsb" in line]
    assert len(loads) == 2, "an activation for each nonzero, and none for an empty row"


def test_index_stream_of_a_convolution_counts_each_kernel_row() -> None:
    weight = np.zeros((2, 2, 3, 2))  # outputs, kernel rows, kernel columns, channels
    weight[0, 1, 2, 1], weight[1, 0, 0, 0], weight[1, 0, 1, 0] = 5, 6, 7
    made = encode("index", conv(weight))
    assert stored(made, "counts") == [0, 1, 2, 0]
    assert stored(made, "entries") == [5, 5, 0, 6, 2, 7]
    assert made.constants["columns"] == 6


def test_huffman_stream_bit_by_bit() -> None:
    """Positions 1, 3, 5, 9 of 12: the first is a constant; gaps 2, 2, 4, and a last gap of 3 that reaches the end.

    ======  ======  =====  =====  ======
    bucket  gaps    times  code   extra
    ======  ======  =====  =====  ======
    1       2, 3    3      ``0``  1 bit
    2       4 .. 7  1      ``1``  2 bits
    ======  ======  =====  =====  ======

    Values behind the first: -1 is ``10``, 5 is ``11``; 3 is ``0``, as the last gap carries the commonest value too.
    """
    made = encode("huffman", linear([[0, 3, 0, 3, 0, 5], [0, 0, 0, -1, 0, 0]]))
    bits = "000" + "0011" + "10010" + "010"
    assert stored(made, "stream") == [int(bits.ljust(32, "0"), 2), 0]  # a window reaches into the next word
    # Entries are (31 - bucket - 2) << 3 | (code length - 1), for each value of the next bit.
    assert stored(made, "gap_table") == [28 << 3 | 0, 27 << 3 | 0]
    # A weight in the upper byte; in the lower one the code's length and 32 - 2, for each value of the next two bits.
    assert stored(made, "value_table") == [3 << 8 | 31, 3 << 8 | 31, -1 << 8 | 32, 5 << 8 | 32]
    parameters = {"gap_bits": 1, "value_bits": 2, "columns": 6, "first_column": 1, "first_value": 3}
    assert made.constants == {"bias_bits": 8, "bias_shift": 0, **parameters}
    assert made.size_bytes == 20  # 8 + 2 + 8 and 2 biases


def test_huffman_with_a_single_symbol_spends_one_bit_on_it() -> None:
    made = encode("huffman", linear([[4, 4, 4]]))
    # Three times (two weights and the end): gap 1 is "0" without extra bits, value 4 is "0".
    assert stored(made, "stream") == [0, 0]
    assert stored(made, "gap_table") == [30 << 3, 30 << 3]
    assert stored(made, "value_table") == [4 << 8 | 32, 4 << 8 | 32]


def test_huffman_with_a_lone_nonzero_has_only_the_end_to_code() -> None:
    made = encode("huffman", linear([[0, 0, 0], [0, -7, 0]]))
    assert (made.constants["first_column"], made.constants["first_value"]) == (4, -7)
    np.testing.assert_array_equal(decode(made, 6), [0, 0, 0, 0, -7, 0])


def decode(made: Encoding, size: int) -> np.ndarray:
    """The flat matrix, by the rules in tb_formats.h."""
    words = stored(made, "stream")
    bits = "".join(f"{word:032b}" for word in words)
    gap_bits, value_bits = made.constants["gap_bits"], made.constants["value_bits"]
    flat, at = np.zeros(size, np.int64), 0
    position, value = made.constants["first_column"], made.constants["first_value"]
    while position < size:
        flat[position] = value
        entry = stored(made, "gap_table")[int(bits[at : at + gap_bits], 2)]
        bucket, at = 31 - value_bits - (entry >> 3), at + (entry & 7) + 1
        position += int("1" + bits[at : at + bucket], 2)
        at += bucket
        entry = stored(made, "value_table")[int(bits[at : at + value_bits], 2)]
        at, value = at + (entry & 63) - (32 - value_bits), entry >> 8
    assert len(words) == at // 32 + 2
    return flat


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 32), st.sampled_from((0.01, 0.1, 0.6, 1.0)), st.integers(1, 1500))
def test_huffman_streams_hold_the_matrix(seed: int, levels: int, density: float, columns: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.choice(np.setdiff1d(np.arange(-128, 128), [0]), levels, replace=False)
    matrix = rng.choice(values, (3, columns)) * (rng.random((3, columns)) < density)
    matrix[1, columns // 2] = values[0]
    np.testing.assert_array_equal(decode(encode("huffman", linear(matrix)), matrix.size), matrix.reshape(-1))


@pytest.mark.parametrize(
    ("weight_format", "matrix", "reason"),
    [
        ("huffman", np.arange(1, 34).reshape(1, -1), "33 distinct values where a table has room for 32"),
        ("index", np.zeros((1, 256)), "there is no nonzero, and C has no empty arrays"),
        ("gather", np.ones((1, 256)), "the core has no vectors to gather with"),
        ("straight", np.ones((1, 65537)), "65537 columns where the portable twin numbers 65536"),
    ],
)
def test_what_a_format_cannot_store_it_says(weight_format: str, matrix: np.ndarray, reason: str) -> None:
    assert FORMATS["linear", weight_format](linear(matrix), Site()) == Illegal(weight_format, reason)


def test_the_widest_elements_come_first_so_that_no_byte_is_lost_inside() -> None:
    per_channel = Requant(0, np.array([16384, 20000], np.int32), 16, -128, 127)
    made = encode("dense", linear([[1, 2, 3], [4, 5, 6]], bias=[70001, 1], requant=per_channel), "armv6m")
    assert [(array.name, array.c_type) for array in made.ordered_arrays] == [
        ("bias", "int32_t"),
        ("multipliers", "int16_t"),
        ("values", "int8_t"),
    ]
    assert made.size_bytes == 8 + 4 + 6 + 2
    assert {array.kind for array in made.arrays} == {"weights", "biases", "multipliers"}


@pytest.mark.parametrize(
    ("bias", "codes", "shift", "dtype"),
    [
        ([0, 0], [0, 0], 0, "int8"),
        ([128, -64], [2, -1], 6, "int8"),
        ([127, -128], [127, -128], 0, "int8"),
        ([128, 1], [128, 1], 0, "int16"),
        ([2**20, -(2**27)], [1, -128], 20, "int8"),
        ([32767 << 4, 16], [32767, 1], 4, "int16"),
        ([32769, 2], [32769, 2], 0, "int32"),
        ([], [], 0, "int8"),
    ],
)
def test_biases_take_the_narrowest_storage_that_holds_them(bias, codes, shift, dtype) -> None:
    narrow, got = narrow_bias(np.array(bias, np.int32))
    assert (narrow.tolist(), got, narrow.dtype.name) == (codes, shift, dtype)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(-(2**30), 2**30), max_size=8), st.integers(0, 12))
def test_narrow_biases_are_exact(values: list[int], shift: int) -> None:
    bias = np.array([value >> shift << shift for value in values], np.int32)
    codes, got = narrow_bias(bias)
    np.testing.assert_array_equal(codes.astype(np.int64) << got, bias)
    # Whatever fits a byte after some common shift is stored in a byte.
    fits = any(all((b >> s) << s == b and -128 <= b >> s <= 127 for b in bias.tolist()) for s in range(31))
    assert (codes.dtype == np.int8) == fits


@pytest.mark.parametrize("weight_format", ["index", "huffman"])
def test_a_layer_without_weights_is_stored_dense(weight_format: str) -> None:
    assert isinstance(FORMATS["linear", weight_format](linear([[0, 0, 0]]), Site()), Illegal)


def at(field: Field, weight_format: str, node: Conv) -> Encoding | Illegal:
    return FORMATS["conv", weight_format](node, Site(field=field))


def test_pairs_hold_the_offset_in_the_stored_map_above_the_value() -> None:
    weight = np.zeros((3, 2, 3, 2))  # outputs, kernel rows, kernel columns, channels
    weight[0, 1, 2, 1], weight[2, 0, 0, 0], weight[2, 0, 1, 0] = -5, 6, 7
    made = at(Field(segment_stride_bytes=40, aligned=False), "pairs", conv(weight))
    assert isinstance(made, Encoding)
    assert stored(made, "counts") == [1, 0, 2]
    assert stored(made, "pairs") == [(40 + 5) << 16 | 0xFFFB, 6, 2 << 16 | 7]
    assert made.size_bytes == 20  # 12 bytes of pairs, 3 counts, 3 biases, 2 of padding


def test_blocks_come_by_twos_and_an_odd_one_gets_a_block_of_zeros() -> None:
    weight = np.zeros((2, 2, 2, 4))
    weight[0, 0, 1], weight[0, 1, 0], weight[0, 1, 1, 3] = [1, 2, 3, 4], [0, -1, 0, 0], 9
    made = at(Field(segment_stride_bytes=32, aligned=True), "blocks", conv(weight))
    assert isinstance(made, Encoding)
    assert stored(made, "counts") == [2, 0]
    offsets = [4 | 32 << 16, 36 | 36 << 16]
    assert stored(made, "blocks") == [offsets[0], 0x04030201, 0x0000FF00, offsets[1], 0x09000000, 0]


def test_blocks_need_aligned_columns_and_pairs_a_nonzero() -> None:
    unaligned = at(Field(32, aligned=False), "blocks", conv(np.ones((1, 1, 1, 4))))
    assert unaligned == Illegal("blocks", "columns of the map do not start at multiples of 4 bytes")
    for name in ("pairs", "blocks"):
        assert isinstance(at(Field(32, aligned=True), name, conv(np.zeros((1, 1, 1, 4)))), Illegal)


def test_dense_rows_of_a_convolution_are_filled_up_to_words_and_aligned() -> None:
    made = encode("dense", conv(np.arange(1, 11).reshape(2, 1, 5, 1)))
    assert stored(made, "values") == [1, 2, 3, 4, 5, 0, 0, 0, 6, 7, 8, 9, 10, 0, 0, 0]
    assert made.ordered_arrays[0].name == "values"


def test_biases_make_up_for_unsigned_activations_that_vectors_take_minus_128() -> None:
    node = conv(np.array([[[[3, -1, 2]]], [[[-5, 0, 1]]]]))
    centered = FORMATS["conv", "dense"](node, Site("mve", (0, 255)))
    assert isinstance(centered, Encoding)
    codes, shift = stored(centered, "bias"), centered.constants["bias_shift"]
    assert [code << shift for code in codes] == [128 * 4, 128 * -4]
    assert centered.constants["centered"] == 1
    for site in (Site("mve", (-128, 127)), Site("dsp", (0, 255))):
        plain = FORMATS["conv", "dense"](node, site)
        assert isinstance(plain, Encoding)
        assert (stored(plain, "bias"), plain.constants["centered"]) == ([0, 0], 0)


def test_sixteens_hold_every_nonzero_once_within_their_segment() -> None:
    weight = np.zeros((2, 1, 5, 8))
    weight.reshape(2, -1)[1, [3, 17, 20, 34, 39]] = [1, 2, 3, 4, 5]
    made = FORMATS["conv", "sixteens"](conv(weight), Site("mve", (-128, 127), Field(40, aligned=False)))
    assert isinstance(made, Encoding)
    assert stored(made, "counts") == [0, 3]
    sixteens = np.array(stored(made, "sixteens"), np.uint16).reshape(3, 9)
    assert sixteens[:, 0].tolist() == [3, 20, 24]  # the last one ends with the segment
    values = np.ascontiguousarray(sixteens[:, 1:]).view(np.int8)
    assert [dict(zip(np.flatnonzero(row).tolist(), row[row != 0].tolist(), strict=True)) for row in values] == [
        {0: 1, 14: 2}, {0: 3, 14: 4}, {15: 5},
    ]  # fmt: skip


def test_biases_of_sixteens_make_up_for_unsigned_activations_minus_128() -> None:
    weight = np.zeros((1, 1, 2, 8))
    weight[0, 0, 0, 0], weight[0, 0, 1, 7] = 7, -3
    node = conv(weight)
    site = Site("mve", (0, 255), Field(16, aligned=True))
    made = FORMATS["conv", "sixteens"](node, site)
    assert isinstance(made, Encoding)
    bias = made.array("bias")
    assert bias is not None
    assert bias.values.astype(int)[0] << made.constants["bias_shift"] == node.bias[0] + 128 * (7 - 3)


def test_sixteens_need_vectors_and_long_segments() -> None:
    field = Field(16, aligned=True)
    for core, columns in (("dsp", 16), ("mve", 15)):
        made = FORMATS["conv", "sixteens"](conv(np.ones((1, 1, 1, columns))), Site(core, (0, 255), field))
        assert isinstance(made, Illegal)


@pytest.mark.parametrize("core", ["armv6m", "armv7m", "dsp", "mve"])
@pytest.mark.parametrize(("op", "weight_format"), [key for key in FORMATS if key[0] in ("linear", "conv")])
def test_how_weights_lie_in_the_compilers_memory_does_not_matter(op: str, weight_format: str, core: CoreClass) -> None:
    rng = np.random.default_rng(0)
    shape = (8, 1, 1, 64)  # of one position, so that a matrix of turned weights is turned too
    weight = (rng.integers(-127, 128, shape) * (rng.random(shape) < 0.4)).astype(np.int8)
    node = linear(weight.reshape(8, -1)) if op == "linear" else conv(weight)
    turned = replace(node, weight=np.asfortranarray(node.weight))
    site = Site(core, (0, 255), Field(64, aligned=True))
    made, again = (FORMATS[op, weight_format](one, site) for one in (node, turned))
    assert isinstance(made, Illegal) == isinstance(again, Illegal)
    if isinstance(made, Encoding) and isinstance(again, Encoding):
        assert [array.values.tobytes() for array in made.arrays] == [array.values.tobytes() for array in again.arrays]
