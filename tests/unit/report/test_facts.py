"""A damaged report.json is one clear error, whatever is wrong with it."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.report.conftest import compiled_record, lenet, measured
from tinybayes.errors import FileFormatError
from tinybayes.report.facts import check
from tinybayes.report.html import render
from tinybayes.report.record import Record

GRAPH = lenet()
WHOLE = measured(compiled_record(GRAPH, "lenet"), instructions=(1, 2, 3, 4), samples=8, accuracy=0.5)
WHOLE["cores"] = [
    {
        "core": "cortex-m0", "board": "microbit", "clock_hz": 16_000_000, "instructions": 9, "cycles": 12,
        "flash_stall_cycles": 0, "seconds": 7.5e-7, "model_version": "m0-1",
        "between_layers": {"instructions": 1, "cycles": 0, "flash_stall_cycles": 0},
        "layers": [
            {"name": layer["name"], "instructions": 2, "cycles": 3, "flash_stall_cycles": 0}
            for layer in WHOLE["layers"]
        ],
    }
]  # fmt: skip
WHOLE["front"] = [
    {
        "formats": {"linear.1": "index", "linear.1.inputs": None}, "predicted_weights_bytes": 100,
        "predicted_cycles": 900, "weights_bytes": 100, "image_bytes": 400, "arena_bytes": 8, "cycles": 950,
        "seconds": 1e-5,
    },
    {
        "formats": {"linear.1": "straight"}, "predicted_weights_bytes": 300, "predicted_cycles": 400,
        "weights_bytes": None, "image_bytes": None, "arena_bytes": None, "cycles": None, "seconds": None,
    },
]  # fmt: skip


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [here] if here else []
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        found += paths(inner, (*here, key))
    return found


def changed(path: tuple[Any, ...], value: object) -> Record:
    record = copy.deepcopy(WHOLE)
    place = record
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return record


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("network", "name"), 7, r"report\.json: network: name: got 7, wanted a text"),
        (("board", "core"), "m\ud800", r"core: got 'm\\ud800', wanted a text of at most 200 printable characters"),
        (("objective",), "flash\n", "objective: got 'flash"),
        (("network", "input_shape"), [0], r"input_shape: got \[0\], wanted a list of positive integers"),
        (("cores", 0, "layers"), [], r"cores\[0\]: layers: got \[\], wanted the network's layers"),
        (("flash", "weights_bytes"), 1, "weights_bytes: got 1, wanted the sum over the layers"),
        (
            ("flash", "image_bytes"),
            9,
            "image_bytes: got 9, wanted the sum of weights_bytes, code_bytes and other_bytes",
        ),
        (("flash", "code_bytes"), -1, "code_bytes: got -1, wanted an integer in 0"),
        (("flash",), [], r"flash: got \[\], wanted an object"),
        (("layers",), [], "layers: got .*, wanted at least one layer"),
        (("layers", 1, "weights_bytes_by_kind"), {}, r"layers\[1\]: weights_bytes_by_kind"),
        (("arena", 0, "last_step"), 4, r"arena\[0\]: last_step: got 4, wanted an integer in 0 \.\. 3"),
        (("arena", 0, "bytes"), 10**9, r"arena\[0\]: bytes: got 1000000000"),
        (("ram", "arena_bytes"), 0, "arena_bytes: got 0"),
        (("accuracy", "device"), float("nan"), r"device: got nan, wanted a number in 0 \.\. 1"),
        (("accuracy", "device"), True, "device: got True"),
        (("stages", 0, "accuracy"), 1.5, r"stages\[0\]: accuracy: got 1\.5"),
        (("flash", "parts", 0, "bytes"), 0, "flash: parts: got .*, wanted parts whose sum is all of flash"),
        (("ram", "parts", 1, "bytes"), 1_317, "ram: parts: got .*, wanted parts whose sum is arena_bytes and static"),
        (("flash", "parts", 0, "owner"), None, r"flash: parts\[0\]: owner: got None, wanted a text"),
        (("ram", "stack_chain", 0, "bytes"), -1, r"ram: stack_chain\[0\]: bytes: got -1"),
        (("verify", "qemu"), None, "verify: qemu: got None, wanted an object"),
    ],
)
def test_what_is_wrong_is_named(path: tuple[Any, ...], value: object, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        check(changed(path, value))


def test_what_is_missing_is_named() -> None:
    record = copy.deepcopy(WHOLE)
    del record["ram"]["stack_bytes"]
    with pytest.raises(FileFormatError, match=r"report\.json: ram: stack_bytes is missing; compile again"):
        check(record)


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(path=st.sampled_from(paths(WHOLE)), junk=JUNK)
def test_any_value_anywhere_gives_a_page_or_a_clear_error(path: tuple[Any, ...], junk: object) -> None:
    try:
        page = render(changed(path, junk), GRAPH)
    except FileFormatError:
        return
    assert page.endswith("</html>\n")


def test_cores_are_shown_with_their_time() -> None:
    page = render(WHOLE, GRAPH)
    assert "On every core" in page
    assert "microbit, 16 MHz" in page and "0.750 µs" in page
