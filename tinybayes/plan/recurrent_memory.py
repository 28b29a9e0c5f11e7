"""The working memory of a recurrent operator, that of ``firmware/runtime/tb_recurrent.h``."""

from dataclasses import dataclass

from tinybayes.ir import Gru, Recurrent

_WORD_BYTES = 4


@dataclass(frozen=True)
class Memory:
    """Where a recurrent operator's working memory lies in its scratch, in bytes; None for what it does not need."""

    given: int
    gates: int
    held: int | None
    kept: int | None
    operand: int
    low: int | None
    size_bytes: int


def memory(node: Recurrent, channels: int) -> Memory:
    """The working memory for inputs of ``channels``; each part begins at a multiple of 4."""
    gated = isinstance(node, Gru)
    wide = node.state_bits == 16
    sizes = {
        "gates": 2 * node.from_input.outputs,
        "held": 2 * node.units if gated else 0,
        "kept": 0 if gated and wide else 2 * node.units,
        "given": channels,
        "operand": node.units,
        "low": node.units if wide else 0,
    }
    at: dict[str, int | None] = {}
    end = 0
    for name, size in sizes.items():
        at[name] = end if size else None
        end += -(-size // _WORD_BYTES) * _WORD_BYTES
    given, gates, operand = at["given"], at["gates"], at["operand"]
    assert given is not None and gates is not None and operand is not None
    return Memory(given, gates, at["held"], at["kept"], operand, at["low"], end)
