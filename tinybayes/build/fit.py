"""Why an image does not fit its board, in the words of the network: layers, tensors, calls."""

from collections.abc import Mapping
from pathlib import Path

from tinybayes.boards import Board
from tinybayes.build.linkmap import read_link_map
from tinybayes.build.stack import StackBound, chain_text
from tinybayes.emit.network import Layer
from tinybayes.errors import LimitError
from tinybayes.plan import Plan, fullest_step

GUARD_BYTES = 16
"""The last words of the stack, which must stay as they were painted (firmware/stack.c)."""
_VARIABLES = (".data", ".bss")


def overflow_text(overflows: Mapping[str, int], link_map: Path, plan: Plan, name: str, board: Board) -> str:
    """Sentences that name what takes most in each memory that overflowed.

    ``overflows`` is bytes by memory; GNU ld writes ``link_map`` even where an image does not fit.
    """
    sizes: dict[str, int] = {}
    variables: dict[str, int] = {}
    for piece in read_link_map(link_map):
        sizes[piece.name] = sizes.get(piece.name, 0) + piece.size_bytes
        if piece.output_section in _VARIABLES:
            variables[piece.name] = variables.get(piece.name, 0) + piece.size_bytes
    told = []
    if "FLASH" in overflows:
        layers = [Layer(plan, number, step, name) for number, step in enumerate(plan.steps)]
        code = {layer.number: sizes.get(f".text.{layer.function}", 0) for layer in layers}
        worst = max(layers, key=lambda layer: layer.step.weights_bytes + code[layer.number])
        told.append(
            f"Of the flash, layer {worst.step.name!r} takes most: {worst.step.weights_bytes} bytes of constants and "
            f"{code[worst.number]} of code; make it sparser, choose --objective flash, or a board with more flash"
        )
    if "RAM" in overflows:
        step, held_bytes = fullest_step(plan)
        others_bytes = sum(variables.values()) - plan.arena_bytes
        told.append(
            f"Of the RAM, tensors take {plan.arena_bytes} bytes (layer {step.name!r} holds most, {held_bytes} at "
            f"once), other variables {others_bytes}, and {board.stack_bytes} are reserved for the stack; "
            "pool or stride earlier, or choose a board with more RAM"
        )
    return ". ".join(told)


def check_stack(bound: StackBound, reserved_bytes: int, fault_frame_bytes: int, board: Board) -> None:
    """Raises LimitError where the stack that ``board`` reserves is too small.

    Below the deepest call there must be room for the frame of a fault, so that it can be reported, and for the guard
    words. ``fault_frame_bytes`` is what an exception pushes.
    """
    if bound.size_bytes is None:
        return
    spare_bytes = max(fault_frame_bytes, GUARD_BYTES)
    needed_bytes = bound.size_bytes + spare_bytes
    if needed_bytes > reserved_bytes:
        raise LimitError(
            f"the stack of {board.name} is too small: {reserved_bytes} bytes are reserved and {needed_bytes} needed, "
            f"{needed_bytes - reserved_bytes} more. The deepest calls take {bound.size_bytes} "
            f"({chain_text(bound.chain)}), and the {spare_bytes} that a fault pushes must fit below them. "
            f"Raise stack_bytes in boards/{board.name}.toml to {-(-needed_bytes // 8) * 8} or more"
        )
