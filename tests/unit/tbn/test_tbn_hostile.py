import os
import re
import time
import tracemalloc

import pytest

from tinybayes.errors import FileFormatError, UserError
from tinybayes.tbn import dumps, load, loads
from tinybayes.tbn.container import MAX_FILE_BYTES, PREAMBLE


@pytest.fixture(scope="module")
def data(every_operator):
    return dumps(every_operator)


def refuse(data, message):
    """``loads`` refuses with the file's name, ``message`` (a regular expression) and what to do."""
    start = time.monotonic()
    with pytest.raises(FileFormatError) as caught:
        loads(data, "some/net.tbn")
    assert time.monotonic() - start < 2
    text = str(caught.value)
    assert text.startswith("some/net.tbn: ")
    assert re.search(message, text), text
    assert "tinybayes" in text
    assert len(text) < 600


def test_truncated_at_every_byte(data):
    for size in range(len(data)):
        refuse(data[:size], "truncated")


def test_each_flipped_bit_is_noticed(data):
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        refuse(bytes(flipped), r"damaged|not a compressed network|truncated|followed by other bytes")


def test_bytes_behind_the_end(data):
    refuse(data + b"\0", rf"offset 12: .*followed by other bytes: it has {len(data) + 1} bytes, .* {len(data)}")


@pytest.mark.parametrize(
    "other", [b"PK\x03\x04" + bytes(60), b"\x89PNG\r\n\x1a\n" + bytes(60), b"{}", b"\x89TBN\n\x1a\n"]
)
def test_other_kinds_of_files(other):
    refuse(other, r"offset 0: not a compressed network: begins with b'.*', wanted b'\\x89TBN")


def test_versions(data, reseal):
    newer = data[:8] + (2).to_bytes(2, "little") + data[10:]
    refuse(
        reseal(newer), r"offset 8: the file has format version 2, this tinybayes reads version 1: upgrade tinybayes$"
    )
    refuse(newer, r"version 2 \(the checksum does not hold either, so the file may just be damaged\), .* upgrade")
    older = data[:8] + bytes(2) + data[10:]
    refuse(
        reseal(older), r"offset 8: the file has format version 0, this tinybayes reads version 1: make the file anew$"
    )


def test_reserved_bytes(data, reseal):
    refuse(reseal(data[:10] + b"\1\0" + data[12:]), "offset 10: got 1 in a reserved field")


@pytest.mark.parametrize(
    ("offset", "claim", "message"),
    [
        (12, 2**32 - 1, r"offset 12: the file is truncated: .* says 4294967"),
        (16, 2**32 - 1, r"offset 16: the unpacked header claims 4294967295 bytes, the limit is 1048576"),
        (16, 10, r"offset 28: the header does not unpack to the 10 bytes"),
        (20, 2**31, r"offset 12: the file is truncated"),
    ],
)
def test_huge_claims_of_the_preamble(data, reseal, offset, claim, message):
    refuse(reseal(data[:offset] + claim.to_bytes(4, "little") + data[offset + 4 :]), message)


def test_a_file_too_large_to_be_one():
    refuse(bytes(MAX_FILE_BYTES + 1), "larger than")


def test_a_header_that_does_not_unpack(data, reseal):
    size = int.from_bytes(data[12:16], "little")
    refuse(reseal(data[: PREAMBLE.size] + b"\xff" * size + data[PREAMBLE.size + size :]), "offset 28: .* not unpack")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", r"header: got \[\], wanted an object"),
        (b"null", "header: got None, wanted an object"),
        (b'{"a":1,"a":2}', "key occurs twice"),
        (b'{"a":NaN}', "NaN is no number"),
        (b'{"a":-Infinity}', "no number"),
        (b'{"a":1e999}', "out of range"),
        (b'{"a":' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"a":"\\ud800"}', "not JSON"),
        (b'{"fact":{}}', "unknown key 'fact'. Did you mean 'facts'"),
        (b"{}", "key 'facts' is missing"),
    ],
)
def test_headers_that_are_no_header(data, repack, header, message):
    refuse(repack(data, lambda _: header), message)


def put(*path_and_value):
    """A change of the header: the value at a path of keys."""
    *path, last, value = path_and_value

    def change(header):
        for key in path:
            header = header[key]
        header[last] = value

    return change


CONV, MAX, AVERAGE, SELECT, LINEAR = 0, 1, 2, 4, 5

WRONG_HEADERS = [
    (put("facts", []), r"header\.facts: got \[\], wanted an object"),
    (put("input", "z"), r"header\.input: got 'z', wanted the name of a tensor"),
    (put("output", 3), r"header\.output: got 3, wanted a name"),
    (put("output", "conv"), "contradicts itself"),
    (put("torch_input_shape", [24, -1]), r"header\.torch_input_shape: got \[24, -1\], wanted a list"),
    (put("torch_input_shape", []), r"header\.torch_input_shape: got \[\]"),
    (put("torch_input_shape", [25]), r"wanted the 24 elements of the input \(12, 2\)"),
    (put("tensors", {}), r"header\.tensors: got \{\}, wanted a list"),
    (put("tensors", [{}] * 5000), r"header\.tensors: got .*, wanted a list of at most 4096"),
    (put("tensors", 0, 7), r"header\.tensors\[0\]: got 7, wanted an object"),
    (put("tensors", 1, "name", "x"), r"header\.tensors\[1\]\.name: 'x' is listed twice"),
    (put("tensors", 0, "name", "*/ int x;"), r"header\.tensors\[0\]\.name: got .*, wanted a name of 1 to 128 letters"),
    (put("tensors", 0, "name", ""), r"tensors\[0\]\.name: got ''"),
    (
        put("tensors", 0, "shape", [-12, 2]),
        r"tensors\[0\]\.shape: got \[-12, 2\], wanted a list of 1 or 2 or 3 integers",
    ),
    (put("tensors", 0, "shape", [0, 2]), r"tensors\[0\]\.shape"),
    (put("tensors", 0, "shape", [2**13, 2**13]), r"tensors\[0\]\.shape: .* at most 16777216 elements"),
    (put("tensors", 0, "shape", [True, 2]), r"tensors\[0\]\.shape"),
    (put("tensors", 0, "shape", [12.0, 2]), r"tensors\[0\]\.shape"),
    (put("tensors", 0, "shape", [1, 1, 12, 2]), r"tensors\[0\]\.shape"),
    (put("tensors", 0, "dtype", "float32"), r"tensors\[0\]\.dtype: got 'float32', wanted one of int8, uint8"),
    (put("tensors", 0, "dtype", ["int8"]), r"tensors\[0\]\.dtype"),
    (put("tensors", 0, "dtype", "uint8"), "the input and the output of a network are int8"),
    (put("tensors", 0, "scale", 0), r"tensors\[0\]\.scale: got 0, wanted a finite number above 0"),
    (put("tensors", 0, "scale", -1.5), r"tensors\[0\]\.scale"),
    (put("tensors", 0, "scale", None), r"tensors\[0\]\.scale"),
    (put("tensors", 0, "scale", 10**400), r"tensors\[0\]\.scale"),
    (put("tensors", 0, "zero_point", 3), "zero points other than 0"),
    (put("tensors", 0, "extra", 3), r"tensors\[0\]: unknown key 'extra'"),
    (put("nodes", None), r"header\.nodes: got None, wanted a list"),
    (put("nodes", 0, []), r"header\.nodes\[0\]\.op: operator None is unknown"),
    (
        put("nodes", MAX, "op", "median_pool"),
        r"nodes\[1\]\.op: operator 'median_pool' is unknown, known are add, affine, argmax, average_pool,",
    ),
    (put("nodes", MAX, "op", "relu"), r"nodes\[1\]\.op: operator 'relu' is unknown"),
    (put("nodes", MAX, "op", {}), r"nodes\[1\]\.op: operator \{\} is unknown"),
    (put("nodes", MAX, "name", "c1"), "name is used twice"),
    (put("nodes", MAX, "inputs", []), r"nodes\[1\]\.inputs: got \[\], wanted a list of 1 names"),
    (put("nodes", MAX, "inputs", "conv"), r"nodes\[1\]\.inputs"),
    (put("nodes", MAX, "inputs", ["nil"]), r"nodes\[1\]\.inputs: got \['nil'\], wanted the name of a tensor"),
    (put("nodes", MAX, "inputs", ["y"]), "read before it is written"),
    (put("nodes", MAX, "output", "nil"), r"nodes\[1\]\.output"),
    (put("nodes", MAX, "output", "x"), "written twice"),
    (
        put("nodes", MAX, "stride", [0, 2]),
        r"nodes\[1\]\.stride: got \[0, 2\], wanted a list of 2 integers in 1 .. 16777216",
    ),
    (put("nodes", MAX, "window", [1, 2**40]), r"nodes\[1\]\.window"),
    (put("nodes", MAX, "window", [1, 3]), "contradicts itself: m1"),
    (put("nodes", AVERAGE, "requant", None), r"nodes\[2\]\.requant: got None, wanted an object"),
    (put("nodes", AVERAGE, "requant", "post_shift", 0), r"nodes\[2\]\.requant\.post_shift: got 0, wanted .* 1 .. 30"),
    (put("nodes", AVERAGE, "requant", "pre_shift", 25), r"nodes\[2\]\.requant\.pre_shift"),
    (put("nodes", AVERAGE, "requant", "low", -1), "clamp is wider"),
    (put("nodes", AVERAGE, "requant", "multiplier", "count", 2), r"multiplier\.count: got 2, wanted 1 or 4"),
    (put("nodes", AVERAGE, "requant", "multiplier", "bits", 1), "header.nodes"),
    (put("nodes", AVERAGE, "requant", "multiplier", "shift", 31), r"multiplier\.shift: got 31, wanted at most"),
    (put("nodes", CONV, "padding", [0, 0, 1]), r"nodes\[0\]\.padding"),
    (put("nodes", CONV, "padding", [0, 0, 5, 5]), "contradicts itself: c1"),
    (put("nodes", CONV, "stride", [1, 0]), r"nodes\[0\]\.stride"),
    (put("nodes", CONV, "weight", "shape", [4096, 1, 4096, 2]), r"weight\.shape: .*, wanted at most 16777216 weights"),
    (put("nodes", CONV, "weight", "shape", [4, 1, -3, 2]), r"nodes\[0\]\.weight\.shape"),
    (put("nodes", CONV, "weight", "shape", [2**24, 1, 1, 1]), r"nodes\[0\]\.weight: 16777216 codes in 160 bits"),
    (put("nodes", CONV, "weight", "coding", "zip"), r"weight\.coding: got 'zip', wanted one of gaps, huffman, raw"),
    (put("nodes", CONV, "weight", "coding", "raw"), r"nodes\[0\]\.weight: 24 weights in 20 bytes"),
    (put("nodes", CONV, "weight", "nonzero", 3), r"nodes\[0\]\.weight: 20 weights are not zero, the record says 3"),
    (put("nodes", CONV, "weight", "bytes", 2**40), r"nodes\[0\]\.weight\.bytes"),
    (put("nodes", CONV, "weight", "bytes", 19), r"nodes\[0\]\."),
    (put("nodes", CONV, "bias", "count", 5), r"nodes\[0\]\.bias\.count: got 5, wanted .*4"),
    (put("nodes", CONV, "bias", "bits", 33), r"nodes\[0\]\.bias\.bits"),
    (put("nodes", CONV, "weight_scale", "count", 0), r"nodes\[0\]\.weight_scale\.count"),
    (put("nodes", CONV, "weight_scale", "bits", 48), r"nodes\[0\]\.weight_scale\.bits: got 48, wanted 32 or 64"),
    (put("nodes", CONV, "dense_shape", [2**13, 2**13, 2, 1]), r"nodes\[0\]\.dense_shape: .* at most 67108864 weights"),
    (put("nodes", CONV, "dense_shape", [8, 1, 3]), r"nodes\[0\]\.dense_shape"),
    (put("nodes", LINEAR, "weight", "nonzero", 2**60), r"nodes\[5\]\.weight\.nonzero: .* wanted an integer in 0 .. 15"),
    (put("nodes", LINEAR, "weight", "shape", [3, 5, 1, 1]), r"nodes\[5\]\.weight\.shape: .*wanted a kernel of 1 x 1"),
    (put("nodes", LINEAR, "weight", "shape", [3, 1, 1, 4]), "contradicts itself: fc: 4 columns for 5"),
    (put("nodes", LINEAR, "weight", "shape", [3, 1, 1, 2]), r"nodes\[5\]\.weight: position 11 lies outside 6 elements"),
    (put("nodes", SELECT, "indices", "count", 0), r"nodes\[4\]\.indices\.count"),
    (put("nodes", SELECT, "indices", "count", 13), r"nodes\[4\]\.indices\.count: got 13, wanted an integer in 1 .. 12"),
    (put("nodes", SELECT, "indices", "count", 4), "left behind the last symbol|contradicts"),
    (put("nodes", SELECT, "indices", "bytes", -1), r"nodes\[4\]\.indices\.bytes"),
    (put("input_scaling", "std", "count", 3), r"header\.input_scaling\.std\.count: got 3, wanted an integer in 0 .. 2"),
    (put("input_scaling", "mean", None), r"header\.input_scaling\.mean: got None, wanted an object"),
    (put("input_scaling", None), "16 bytes of the payload belong to nothing"),
]


@pytest.mark.parametrize(("change", "message"), WRONG_HEADERS)
def test_headers_that_lie(data, repack, change, message):
    refuse(repack(data, change), message)


def overwrite(offset, replacement):
    """A change of the payload."""

    def change(payload):
        start = offset % len(payload)
        payload[start : start + len(replacement)] = replacement
        return payload

    return change


NAN, MINUS_ONE, INFINITY, ZERO, TINY = b"\0\0\xc0\x7f", b"\0\0\x80\xbf", b"\0\0\x80\x7f", bytes(4), b"\1\0\0\0"


@pytest.mark.parametrize(
    ("offset", "replacement", "message"),
    [
        (0, b"\x03", r"nodes\[0\]\.weight: "),  # four levels for seven
        (1, b"\x7f", r"nodes\[0\]\.weight: the levels are not 7 ascending numbers"),
        (8, b"\x11\x11\x11\x11", r"nodes\[0\]\.weight: code lengths are over-subscribed"),
        (8, b"\0\0\0\0", r"nodes\[0\]\.weight: "),
        (-4, MINUS_ONE, r"input_scaling\.std: got -1.0, wanted numbers above 0"),
        (-4, ZERO, r"input_scaling\.std: got 0.0, wanted"),
        (-8, NAN, r"input_scaling\.std: got a number that is not finite"),
        (-16, INFINITY, r"input_scaling\.mean: got a number that is not finite"),
        (25, bytes(6) + b"\xf0\x7f", r"nodes\[0\]\.weight_scale: got a number that is not finite"),
        (25, b"\x01" + bytes(5) + b"\xf0\x7f", r"nodes\[0\]\.weight_scale: got a number that is not finite"),
        (25, bytes(8), r"nodes\[0\]\.weight_scale: got 0.0, wanted numbers above 0"),
    ],
)
def test_payloads_that_lie(data, repack, offset, replacement, message):
    refuse(repack(data, payload=overwrite(offset, replacement)), message)


def test_a_payload_of_another_length(data, repack):
    refuse(repack(data, payload=lambda payload: payload + b"\0"), "1 bytes of the payload belong to nothing")
    refuse(repack(data, payload=lambda payload: payload[:-1]), r"std: claims 8 bytes at payload offset \d+, 7 are left")


def test_claims_allocate_nothing(data, repack):
    bombs = [
        put("nodes", CONV, "weight", "shape", [2**24, 1, 1, 1]),
        put("nodes", CONV, "weight", "nonzero", 2**24),
        put("nodes", CONV, "bias", "count", 2**31),
        put("nodes", SELECT, "indices", "count", 2**31),
        put("tensors", 4, "shape", [2**24]),
    ]
    files = [repack(data, change) for change in bombs]
    tracemalloc.start()
    try:
        for file in files:
            with pytest.raises(FileFormatError):
                loads(file)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_packed_header_cannot_grow_beyond_its_claim(data, repack):
    bomb = repack(data, put("facts", {"a": "0" * (1 << 21)}))
    refuse(bomb, r"offset 16: the unpacked header claims \d+ bytes, the limit is 1048576")


def test_paths_that_are_no_file(tmp_path):
    with pytest.raises(UserError, match=r"none\.tbn: cannot be read: No such file"):
        load(tmp_path / "none.tbn")
    with pytest.raises(UserError, match="not a file"):
        load(tmp_path)
    os.mkfifo(tmp_path / "pipe.tbn")
    with pytest.raises(UserError, match="not a file"):
        load(tmp_path / "pipe.tbn")
    (tmp_path / "empty.tbn").touch()
    with pytest.raises(FileFormatError, match=r"empty\.tbn: the file is truncated: it has 0 bytes"):
        load(tmp_path / "empty.tbn")
