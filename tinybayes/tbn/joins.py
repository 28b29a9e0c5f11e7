"""Operators with several inputs, and those that move elements, as header records."""

from collections.abc import Mapping

import numpy as np

from tinybayes.errors import FileFormatError
from tinybayes.ir import Add, Affine, Concat, ConstantPad, Multiply, Node, Rearrange, SumRequant, Tensor
from tinybayes.ir.requant import MAX_SUM_SHIFT
from tinybayes.tbn.fields import Fields
from tinybayes.tbn.limits import MAX_ELEMENTS
from tinybayes.tbn.payload import PayloadReader, PayloadWriter, Record
from tinybayes.tbn.requants import REQUANT_KEYS, add_requant, requant_of, take_requant

AFFINE_KEYS = ("high", "low", "multipliers", "offsets", "shift")
PAD_KEYS = ("before", "behind", "code", "requant", "value")
_SUM_KEYS = ("high", "low", "multipliers", "shift")


def add_sum(node: Add, payload: PayloadWriter) -> Record:
    """Keys of an addition."""
    requant = node.requant
    assert requant is not None  # ir.verify has seen to it
    factors = payload.add_reals(np.array(node.factors, np.float64))
    sums = {
        "high": int(requant.high),
        "low": int(requant.low),
        "multipliers": payload.add_integers(requant.multipliers),
        "shift": int(requant.shift),
    }
    return {"factors": factors, "requant": sums}


def take_sum(fields: Fields, payload: PayloadReader, common: Record, _tensors: Mapping[str, Tensor]) -> Node:
    """An addition."""
    first, second = payload.take_reals(fields, "factors", (2,)).tolist()
    sums = fields.record("requant", _SUM_KEYS)
    requant = SumRequant(
        multipliers=payload.take_integers(sums, "multipliers", (2,)),
        shift=sums.integer("shift", 1, MAX_SUM_SHIFT),
        low=sums.integer("low", -128, 255),
        high=sums.integer("high", -128, 255),
    )
    return Add(**common, factors=(first, second), requant=requant)


def add_product(node: Multiply, payload: PayloadWriter) -> Record:
    """Keys of a product."""
    return {"requant": add_requant(node.requant, payload)}


def take_product(fields: Fields, payload: PayloadReader, common: Record, _tensors: Mapping[str, Tensor]) -> Node:
    """A product."""
    return Multiply(**common, requant=take_requant(fields, payload, 1))


def add_concat(node: Concat, payload: PayloadWriter) -> Record:
    """Keys of a concatenation: null where an input is copied as it is."""
    requants = [None if requant is None else add_requant(requant, payload) for requant in node.requants]
    return {"axis": int(node.axis), "requants": requants}


def take_concat(fields: Fields, payload: PayloadReader, common: Record, _tensors: Mapping[str, Tensor]) -> Node:
    """A concatenation."""
    entries = fields.entries("requants")
    if len(entries) != len(common["inputs"]):
        raise FileFormatError(f"{fields.where}.requants: got {len(entries)}, wanted one for each input")
    requants = tuple(
        None if entry is None else requant_of(Fields(entry, f"{fields.where}.requants[{i}]", REQUANT_KEYS), payload, 1)
        for i, entry in enumerate(entries)
    )
    return Concat(**common, axis=fields.integer("axis", 0, 2), requants=requants)


def add_rearrangement(node: Rearrange, _payload: PayloadWriter) -> Record:
    """Keys of a rearrangement."""
    return {"offset": int(node.offset), "sizes": [*map(int, node.sizes)], "strides": [*map(int, node.strides)]}


def take_rearrangement(fields: Fields, _payload: PayloadReader, common: Record, _tensors: Mapping[str, Tensor]) -> Node:
    """A rearrangement."""
    a, b, c = fields.integers("sizes", 1, MAX_ELEMENTS, (3,))
    d, e, f = fields.integers("strides", 0, MAX_ELEMENTS, (3,))
    offset = fields.integer("offset", 0, MAX_ELEMENTS)
    return Rearrange(**common, offset=offset, sizes=(a, b, c), strides=(d, e, f))


def add_affine(node: Affine, payload: PayloadWriter) -> Record:
    """Keys of a factor and an offset for each channel."""
    multipliers, offsets = payload.add_integers(node.multipliers), payload.add_integers(node.offsets)
    record = {"multipliers": multipliers, "offsets": offsets}
    return record | {"shift": int(node.shift), "low": int(node.low), "high": int(node.high)}


def take_affine(fields: Fields, payload: PayloadReader, common: Record, tensors: Mapping[str, Tensor]) -> Node:
    """A factor and an offset for each channel."""
    channels = tensors[common["inputs"][0]].channels
    return Affine(
        **common,
        multipliers=payload.take_integers(fields, "multipliers", (channels,)),
        offsets=payload.take_integers(fields, "offsets", (channels,)),
        shift=fields.integer("shift", 1, MAX_SUM_SHIFT),
        low=fields.integer("low", -128, 255),
        high=fields.integer("high", -128, 255),
    )


def add_frame(node: ConstantPad, payload: PayloadWriter) -> Record:
    """Keys of a frame around a tensor."""
    value = payload.add_reals(np.array([node.value], np.float64))
    requant = None if node.requant is None else add_requant(node.requant, payload)
    sides = {"before": [*map(int, node.before)], "behind": [*map(int, node.behind)]}
    return sides | {"code": int(node.code), "requant": requant, "value": value}


def take_frame(fields: Fields, payload: PayloadReader, common: Record, _tensors: Mapping[str, Tensor]) -> Node:
    """A frame around a tensor."""
    value = float(payload.take_reals(fields, "value", (1,))[0])
    requant = None if fields.is_null("requant") else take_requant(fields, payload, 1)
    a, b, c = fields.integers("before", 0, MAX_ELEMENTS, (3,))
    d, e, f = fields.integers("behind", 0, MAX_ELEMENTS, (3,))
    code = fields.integer("code", -128, 255)
    return ConstantPad(**common, before=(a, b, c), behind=(d, e, f), value=value, code=code, requant=requant)
