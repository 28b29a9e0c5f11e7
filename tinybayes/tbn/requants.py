"""Requantizations as header records."""

from tinybayes.ir import Requant
from tinybayes.tbn.fields import Fields
from tinybayes.tbn.payload import PayloadReader, PayloadWriter, Record

REQUANT_KEYS = ("high", "low", "multiplier", "post_shift", "pre_shift")


def add_requant(requant: Requant | None, payload: PayloadWriter) -> Record:
    """The record of a requantization; its multipliers are appended to the payload."""
    assert requant is not None  # ir.verify has seen to it
    return {
        "high": int(requant.high),
        "low": int(requant.low),
        "multiplier": payload.add_integers(requant.multiplier),
        "post_shift": int(requant.post_shift),
        "pre_shift": int(requant.pre_shift),
    }


def take_requant(owner: Fields, payload: PayloadReader, channels: int) -> Requant:
    """The requantization under the key ``requant`` of an operator."""
    return requant_of(owner.record("requant", REQUANT_KEYS), payload, channels)


def requant_of(fields: Fields, payload: PayloadReader, channels: int) -> Requant:
    """The requantization that a record describes, with one multiplier or one for each channel."""
    return Requant(
        pre_shift=fields.integer("pre_shift", 0, 24),
        multiplier=payload.take_integers(fields, "multiplier", (1, channels)),
        post_shift=fields.integer("post_shift", 1, 30),
        low=fields.integer("low", -128, 255),
        high=fields.integer("high", -128, 255),
    )
