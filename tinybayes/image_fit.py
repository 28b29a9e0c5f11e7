"""Plans whose whole images keep within limits: images are built and measured, and planned again where too large."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tinybayes.boards import Board, Target
from tinybayes.build.account import account_for
from tinybayes.build.cmake import RegionOverflowError, build_firmware, build_library, library_objects, map_beside
from tinybayes.build.disassembly import disassemble
from tinybayes.build.image import read_image
from tinybayes.build.library import measure_library
from tinybayes.build.stack import StackAnalysis
from tinybayes.build.toolchain import require
from tinybayes.emit.directory import write_files
from tinybayes.emit.firmware import NETWORK_DIGEST_BYTES
from tinybayes.errors import LimitError, ToolError
from tinybayes.hil.messages import SELF_TESTS
from tinybayes.plan import CodeSizes, Limits, Plan, fullest_step, make_plan
from tinybayes.plan.ordering import plan_in_best_order
from tinybayes.project import project_files

MOST_BUILDS = 8
"""So many images are built at most."""
_MUCH_BYTES = 1 << 24
"""By so much the memories of a board are made larger where an image that overflows them is measured."""


@dataclass(frozen=True)
class Measured:
    """Bytes of an image (of a library, of its network): all of flash, of RAM if known, and the code of each layer."""

    plan: Plan
    flash_bytes: int
    ram_bytes: int | None
    code_bytes: Mapping[str, int]

    @property
    def rest_bytes(self) -> int:
        """Flash that is neither constants nor code of layers."""
        return self.flash_bytes - self.plan.weights_bytes - sum(self.code_bytes.values())

    def fits(self, limits: Limits) -> bool:
        """Whether the image is within the limits of flash and RAM."""
        fits_flash = limits.flash_bytes is None or self.flash_bytes <= limits.flash_bytes
        return fits_flash and (limits.ram_bytes is None or self.ram_bytes is None or self.ram_bytes <= limits.ram_bytes)

    def excess_text(self, limits: Limits) -> str:
        """What is larger than its limit, by how much, and the layer that takes most of it."""
        if limits.flash_bytes is not None and self.flash_bytes > limits.flash_bytes:
            step = max(self.plan.steps, key=lambda one: one.weights_bytes + self.code_bytes[one.name])
            return (
                f"takes {self.flash_bytes} bytes of flash, {self.flash_bytes - limits.flash_bytes} more than the "
                f"{limits.flash_bytes} of --max-flash. Layer {step.name!r} takes most flash, {step.weights_bytes} "
                f"bytes of weights and {self.code_bytes[step.name]} of code"
            )
        ram_bytes, most = self.ram_bytes or 0, limits.ram_bytes or 0
        step, held_bytes = fullest_step(self.plan)
        return (
            f"takes {ram_bytes} bytes of RAM, {ram_bytes - most} more than the {most} of --max-ram. Layer "
            f"{step.name!r} holds most, {held_bytes} bytes of the arena at once"
        )


def fit_image(plan: Plan, limits: Limits, measure: Callable[[Plan], Measured]) -> Measured:
    """``plan``, or the best by its objective whose image is within ``limits``; the smallest found where none is.

    Each image that is too large tells what the code of its layers takes, and what the firmware does. The next plan
    keeps its constants and the code of its layers within what that leaves, until an image fits, nothing is left to
    choose, or :data:`MOST_BUILDS` were built; last, the plan of least flash is. Raises LimitError where no arena is
    small enough for what the firmware takes of the RAM.
    """
    tried: list[Measured] = []
    following: Plan | None = plan
    while following is not None and len(tried) < MOST_BUILDS:
        tried.append(measure(following))
        if tried[-1].fits(limits):
            return tried[-1]
        following = _following(tried, limits)
    return min(tried, key=lambda one: (one.flash_bytes, one.ram_bytes or 0))


def _following(tried: Sequence[Measured], limits: Limits) -> Plan | None:
    """The plan to build after those that were too large; None where it was built already."""
    plan, seen = tried[0].plan, [_chosen(one.plan) for one in tried]
    code = {(s.name, s.kernel): one.code_bytes[s.name] for one in tried for s in one.plan.steps}
    others = [one.ram_bytes - one.plan.arena_bytes for one in tried if one.ram_bytes is not None]
    room = replace(limits, flash_bytes=None, code=CodeSizes(code))
    if others:
        room = replace(room, buffers_bytes=min(others), beside="other variables and stack")
    least = plan_in_best_order(plan.graph, "flash", plan.core, room)
    if len(tried) < MOST_BUILDS - 1 and limits.flash_bytes is not None:
        left_bytes = limits.flash_bytes - min(one.rest_bytes for one in tried)
        # Code of layers and firmware are not the same in every image: where that matters, some room is left for it.
        for spare_bytes in (0, max(1, min(one.flash_bytes for one in tried) - limits.flash_bytes)):
            with suppress(LimitError):
                found = make_plan(
                    plan.graph, plan.objective, plan.core, limits=replace(room, flash_bytes=left_bytes - spare_bytes)
                )
                if _chosen(found) not in seen:
                    return found
    elif limits.flash_bytes is None:
        found = make_plan(plan.graph, plan.objective, plan.core, limits=room)
        return found if _chosen(found) not in seen else None
    return replace(least, objective=plan.objective) if _chosen(least) not in seen else None


def _chosen(plan: Plan) -> dict[str, str | None]:
    return {step.name: step.format for step in plan.steps}


def can_build() -> bool:
    """Whether the tools that building takes are there."""
    with suppress(ToolError):
        for tool in ("arm-none-eabi-gcc", "cmake", "ninja"):
            require(tool)
        return True
    return False


def measure_image(plan: Plan, *, target: Target, name: str, protocol: str, stack: bool) -> Measured:
    """Builds the project of ``plan`` in a place of its own and measures it; with ``stack``, RAM too.

    Raises ToolError where a tool is missing or fails.
    """
    with tempfile.TemporaryDirectory(prefix="tinybayes-") as work:
        directory = Path(work) / "project"
        write = partial(
            project_files,
            plan,
            name=name,
            # The image is measured and thrown away: these have no effect on its size.
            network_digest=bytes(NETWORK_DIGEST_BYTES),
            protocol=protocol,
            golden_vectors=[[1] * len(plan.steps)] * SELF_TESTS if protocol == "frames" else [],
        )
        write_files(directory, write(target=target))
        ram_bytes = None
        if isinstance(target, Board):
            try:
                elf = build_firmware(directory, name)
            except RegionOverflowError:
                write_files(directory, write(target=_larger(target)))
                elf = build_firmware(directory, name)
            image = read_image(elf, map_beside(elf))
            flash_bytes = image.image_bytes
            if stack:
                stack_bytes = StackAnalysis(disassemble(elf)).of_image("reset_handler", "vectors").size_bytes
                ram_bytes = None if stack_bytes is None else image.static_ram_bytes + stack_bytes
        else:
            objects = library_objects(build_library(directory, name))
            image, _ = measure_library(objects, f"{name}_run", target.gcc_flags)
            flash_bytes = image.network_bytes
        account = account_for(image, plan, name, arena=isinstance(target, Board))
        code_bytes = {step.name: sum(account.code_bytes(step.name).values()) for step in plan.steps}
        return Measured(plan, flash_bytes, ram_bytes, code_bytes)


def _larger(board: Board) -> Board:
    flash, ram = (replace(one, size_bytes=one.size_bytes + _MUCH_BYTES) for one in (board.chip.flash, board.chip.ram))
    return replace(board, chip=replace(board.chip, flash=flash, ram=ram))
