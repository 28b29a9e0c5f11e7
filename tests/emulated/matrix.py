"""One cell of the matrix: a network on an emulated board, bit-exact or refused with the right number of bytes."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.emulated.corpus import Entry
from tinybayes.boards import Board
from tinybayes.deployment import Deployment
from tinybayes.errors import LimitError, TinybayesError
from tinybayes.pipeline import compile_network
from tinybayes.report import verdict

SAMPLES = 8
_MORE = re.compile(r"of (?P<memory>flash|RAM)[^.]*?, (?P<bytes>\d+) more than")
_OVERFLOW = re.compile(r"(?P<memory>FLASH|RAM) by (?P<bytes>\d+) bytes")
_MOST_REFUSALS = 4


@dataclass(frozen=True)
class Cell:
    """``verdict`` is ``"exact"``, ``"too large"`` or ``"failed"``; ``detail`` says by how much, or why.

    ``flash_bytes`` is the whole image, ``ram_bytes`` with the worst case of the stack; both None where none was
    made. ``excess_bytes`` is by memory, ``flash`` and ``ram``.
    """

    network: str
    board: str
    core: str
    verdict: str
    detail: str
    samples: int = 0
    tensors_compared: int = 0
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    excess_bytes: dict[str, int] | None = None


def run_cell(entry: Entry, board: Board, samples: int = SAMPLES) -> Cell:
    """Compiles, builds, boots and compares; where that is refused, shows that the number of bytes is right."""
    failed = Cell(entry.name, board.name, board.core, "failed", "")
    try:
        with TemporaryDirectory(prefix="tinybayes-") as work:
            try:
                deployment = _built(entry, board, Path(work))
            except LimitError as refusal:
                return _refused(entry, board, refusal, failed)
            return _compared(deployment, board, samples, failed)
    except TinybayesError as error:
        return replace(failed, detail=f"{type(error).__name__}: {error}")


def _built(entry: Entry, board: Board, directory: Path) -> Deployment:
    formats = entry.formats(board.core)
    deployment = compile_network(entry.graph, board, directory, objective=entry.objective, formats=formats)
    deployment.build()
    return deployment


def _compared(deployment: Deployment, board: Board, samples: int, failed: Cell) -> Cell:
    plan, record = deployment.plan, deployment.record
    expected = verdict.expect(plan, verdict.random_inputs(plan.graph, samples))
    with deployment.runner("qemu") as runner:
        judged = verdict.judge(plan, expected, runner)
    return replace(
        failed,
        verdict="failed" if judged.mismatches else "exact",
        detail=str(judged.first_mismatch or ""),
        samples=judged.samples,
        tensors_compared=judged.tensors_compared,
        flash_bytes=record["flash"]["image_bytes"],
        ram_bytes=record["ram"]["total_bytes"],
    )


def _refused(entry: Entry, board: Board, refusal: LimitError, failed: Cell) -> Cell:
    """Grows the board by what each refusal asks for, until the image fits; a byte less must be refused again."""
    excess = {"flash": 0, "ram": 0}
    layers = [step.name for step in entry.plan(board.core).steps]
    for _ in range(_MOST_REFUSALS):
        told = {
            m["memory"].lower(): int(m["bytes"])
            for m in (*_MORE.finditer(str(refusal)), *_OVERFLOW.finditer(str(refusal)))
        }
        if not told or not any(repr(layer) in str(refusal) for layer in layers):
            return replace(failed, detail=f"names no bytes, or no layer: {refusal}")
        excess = {memory: size + told.get(memory, 0) for memory, size in excess.items()}
        again = _refusal(entry, _grown(board, excess))
        if again is None:
            break
        refusal = again
    else:
        return replace(failed, detail=f"still refused after {excess}: {refusal}")
    for memory, size in excess.items():
        if size and _refusal(entry, _grown(board, {**excess, memory: size - 1})) is None:
            return replace(failed, detail=f"fits with {size - 1} bytes more {memory}, but {size} were asked for")
    detail = " and ".join(f"by {size:,} bytes in {_MEMORY[memory]}" for memory, size in excess.items() if size)
    return replace(failed, verdict="too large", detail=detail, excess_bytes=excess)


_MEMORY = {"flash": "flash", "ram": "RAM"}


def _refusal(entry: Entry, board: Board) -> LimitError | None:
    with TemporaryDirectory(prefix="tinybayes-") as work:
        try:
            _built(entry, board, Path(work))
        except LimitError as error:
            return error
    return None


def _grown(board: Board, excess_bytes: dict[str, int]) -> Board:
    flash, ram = (
        replace(region, size_bytes=region.size_bytes + excess_bytes[memory])
        for memory, region in (("flash", board.chip.flash), ("ram", board.chip.ram))
    )
    return replace(board, chip=replace(board.chip, flash=flash, ram=ram))
