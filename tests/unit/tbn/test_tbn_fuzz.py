"""Mutated files whose checksum holds: a FileFormatError or a graph that means something, nothing else, quickly."""

import copy
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinybayes.errors import FileFormatError
from tinybayes.ir import verify
from tinybayes.tbn import dumps, loads

quickly = settings(deadline=timedelta(seconds=2), max_examples=150, suppress_health_check=[HealthCheck.too_slow])
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-4, 40),
    st.sampled_from([2**15, 2**16, 2**24, 2**31, 2**53, 2**64, -1, 0.5, -0.0, 1e308, 5e-324]),
    st.sampled_from(["", "x", "y", "conv", "raw", "gaps", "huffman", "int8", "uint8", "linear", "select", "flatten"]),
    st.lists(st.integers(0, 2**25), max_size=5),
    st.just({}),
)


@pytest.fixture(scope="module")
def file(every_operator):
    return dumps(every_operator)


def survives(data):
    """The file is refused, or it is a network that can be kept again."""
    try:
        graph = loads(data, "net.tbn")
    except FileFormatError as error:
        assert str(error).startswith("net.tbn: ")
        return
    verify(graph)
    again = dumps(graph)
    assert dumps(loads(again)) == again


def places(value, path=()):
    """Each path of keys in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


@quickly
@given(choices=st.data())
def test_changed_headers(file, repack, choices):
    def change(header):
        for _ in range(choices.draw(st.integers(1, 3))):
            paths = list(places(header))
            *path, last = choices.draw(st.sampled_from(paths))
            owner = header
            for key in path:
                owner = owner[key]
            match choices.draw(st.sampled_from(["set", "delete", "copy"])):
                case "set":
                    owner[last] = choices.draw(values)
                case "delete":
                    del owner[last]
                case "copy" if isinstance(owner, list):
                    owner.append(copy.deepcopy(owner[last]))

    survives(repack(file, change))


@quickly
@given(choices=st.data())
def test_changed_payloads(file, repack, choices):
    def change(payload):
        for _ in range(choices.draw(st.integers(1, 4))):
            offset = choices.draw(st.integers(0, len(payload) - 1))
            payload[offset] = choices.draw(st.integers(0, 255))
        return payload

    survives(repack(file, payload=change))


@quickly
@given(choices=st.data())
def test_changed_bytes_anywhere(file, reseal, choices):
    data = bytearray(file)
    for _ in range(choices.draw(st.integers(1, 4))):
        data[choices.draw(st.integers(0, len(data) - 1))] = choices.draw(st.integers(0, 255))
    cut = choices.draw(st.integers(28, len(data)))
    survives(reseal(bytes(data[:cut])))


@quickly
@given(st.binary(max_size=200))
def test_any_bytes(data):
    survives(data)
