"""Operators with several inputs as header records."""

from collections.abc import Mapping

import numpy as np

from tinybayes.errors import FileFormatError
from tinybayes.ir import Add, Concat, Multiply, Node, SumRequant, Tensor
from tinybayes.ir.requant import MAX_SUM_SHIFT
from tinybayes.tbn.fields import Fields
from tinybayes.tbn.payload import PayloadReader, PayloadWriter, Record
from tinybayes.tbn.requants import REQUANT_KEYS, add_requant, requant_of, take_requant

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
