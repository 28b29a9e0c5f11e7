"""What kernel calls are made of: literals of C, addresses, and requantizations."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tinybayes.errors import InternalError
from tinybayes.ir import Requant
from tinybayes.plan import Plan, Step, Storage
from tinybayes.plan.bounds import must_clamp

Fields = Mapping[str, str | int | bool]


@dataclass(frozen=True)
class Struct:
    """A compound literal of C: ``(struct type){.field = value, ...}``."""

    type: str
    fields: Fields

    def render(self) -> str:
        """The literal on one line."""
        return f"(struct {self.type}){{{', '.join(f'.{name} = {c_text(v)}' for name, v in self.fields.items())}}}"


@dataclass(frozen=True)
class Call:
    """A kernel call: the header that declares it, its name, and its arguments in order."""

    header: str
    function: str
    arguments: tuple[str | Struct, ...]

    def lines(self) -> list[str]:
        """The call as lines of C, one argument a line, long ones broken between fields."""
        texts = [argument.render() if isinstance(argument, Struct) else argument for argument in self.arguments]
        lines = [f"{self.function}("]
        for number, text in enumerate(texts):
            lines += _broken(text + (");" if number + 1 == len(texts) else ","))
        return lines


def c_text(value: str | int | bool) -> str:
    """A C literal or expression."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _broken(text: str, width: int = 108) -> list[str]:
    """``text`` indented, broken behind commas where it is too long."""
    lines, line = [], ""
    for piece in re.split(r"(?<=,) ", text):
        if line and len(line) + 1 + len(piece) > width:
            lines.append("    " + line)
            line = "    " + piece
        else:
            line = f"{line} {piece}" if line else piece
    return [*lines, "    " + line]


def source(plan: Plan, stored: Storage) -> str:
    """The address of what is read."""
    tensor = stored.tensor.name
    return "(const uint8_t *)input" if tensor == plan.graph.input else at(plan.buffer(tensor).offset)


def source_struct(plan: Plan, stored: Storage) -> Struct:
    """The address of what is read, and whether its codes are signed."""
    return Struct("tb_source", {"data": source(plan, stored), "is_signed": stored.tensor.dtype == "int8"})


def target(plan: Plan, step: Step, *, origin: bool, offset: int = 0) -> str:
    """The address of what is written: ``offset`` bytes behind the first element (``origin``), or the margins."""
    if step is plan.steps[-1]:
        return f"(uint8_t *)output + {offset}" if offset else "(uint8_t *)output"
    return at(plan.buffer(step.tensor).offset + (step.target.origin_bytes if origin else 0) + offset)


def at(offset: int) -> str:
    """An address in the arena."""
    return f"arena + {offset}" if offset else "arena"


def layout(storage: Storage) -> Struct:
    """A map and its margins."""
    top, bottom, _, _ = storage.margins
    return Struct(
        "tb_layout",
        {
            "height": storage.height,
            "row_bytes": storage.row_bytes,
            "top": top,
            "bottom": bottom,
            "left_bytes": storage.left_bytes,
            "right_bytes": storage.right_bytes,
        },
    )


def requant(requant: Requant | None, where: str, *, multipliers: str | None = None, bound: int) -> str:
    """An initialiser of ``struct tb_requant``; ``bound`` is the largest absolute accumulator."""
    if requant is None:
        raise InternalError(f"{where}: no requantization")
    if requant.per_channel and multipliers is None:
        raise InternalError(f"{where}: only layers with weights have a multiplier for each channel")
    one = {"multiplier": int(requant.multiplier[0])} if not requant.per_channel else {"multipliers": multipliers or ""}
    fields: Fields = {
        **one,
        "pre_shift": requant.pre_shift,
        "post_shift": requant.post_shift,
        "low": requant.low,
        "high": requant.high,
        "saturate": must_clamp(requant, bound, int(requant.multiplier.max())),
    }
    return "{" + ", ".join(f".{name} = {c_text(value)}" for name, value in fields.items()) + "}"
