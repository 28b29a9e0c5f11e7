"""Runs the matrix: boards beside each other, the networks on one port one after the other."""

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from queue import SimpleQueue

from tinybayes import tbn
from tinybayes.boards import load_board
from tinybayes.boards.flashing import Uf2
from tinybayes.deployment import Deployment
from tinybayes.errors import InternalError, TinybayesError, VerificationError
from tinybayes.flashing import choose_way, plan_flash
from tinybayes.hil.board import enter_boot_loader
from tinybayes.pipeline import compile_network
from tinybayes.profiling import profile_device
from tinybayes.rack.bench import Bench, BoardEntry, NetworkEntry
from tinybayes.rack.compare import Regression, find_regressions
from tinybayes.rack.store import CellResult, Store

Told = Callable[[CellResult], None]
Cell = tuple[NetworkEntry, BoardEntry]
_BUILDING = threading.Lock()  # compilers use all processors anyway; boards are what is worth waiting for together


@dataclass(frozen=True)
class Outcome:
    """All cells of a run, how many of them were there from an attempt before, and what got worse since the last run.

    ``before`` is the last good result of every cell in earlier runs, by network and board.
    """

    run: int
    cells: tuple[CellResult, ...]
    taken_up: int
    regressions: tuple[Regression, ...]
    before: Mapping[tuple[str, str], CellResult]

    @property
    def exit_status(self) -> int:
        """0 where all is right; 1 for wrong bits, limits and regressions; else that of the first failure."""
        statuses = [cell.exit_status for cell in self.cells if not cell.good]
        if self.regressions or VerificationError.exit_status in statuses:
            return VerificationError.exit_status
        return statuses[0] if statuses else 0


def run_matrix(
    bench: Bench, store: Store, out: Path, *, jobs: int = 4, fresh: bool = False, told: Told | None = None
) -> Outcome:
    """Runs every cell that the unfinished run, if there is one, lacks or has failed at.

    Each port works through its networks in order; at most ``jobs`` ports work at a time. ``out`` takes a directory
    for every cell. A cell that fails is a result, and the others go on. ``told`` hears of every cell that is done.
    """
    run = store.begin(fresh=fresh)
    cells = [(network, board) for board in bench.boards for network in bench.networks]
    keys = {(network.name, board.name): _key(network, board) for network, board in cells}
    there = {(cell.network, cell.board): cell for cell in store.cells(run)}
    done = {name: cell for name, cell in there.items() if cell.good and keys.get(name) == cell.key}
    ports: dict[str, list[Cell]] = {}
    for network, board in cells:
        if (network.name, board.name) not in done:
            # Every board in QEMU is a machine of its own; a port is one, whatever the entries on it are called.
            ports.setdefault(f"qemu {board.name}" if board.on == "qemu" else board.on, []).append((network, board))
    finished: SimpleQueue[CellResult | BaseException] = SimpleQueue()
    stop = threading.Event()

    def work_through(line: Sequence[Cell]) -> None:
        for network, board in line:
            if stop.is_set():
                return
            try:
                finished.put(_run_cell(bench, network, board, keys[network.name, board.name], out))
            except BaseException as error:  # our bug: it ends the whole run, in the thread that can say so
                finished.put(error)
                return

    pool = ThreadPoolExecutor(max_workers=max(1, min(jobs, len(ports))))
    try:
        for line in ports.values():
            pool.submit(work_through, line)
        for _ in range(sum(len(line) for line in ports.values())):
            result = finished.get()
            if isinstance(result, BaseException):
                raise result
            store.add(run, result)
            if told is not None:
                told(result)
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
    known = {(network.name, board.name) for network, board in cells}
    results = tuple(cell for cell in store.cells(run) if (cell.network, cell.board) in known)
    if len(results) != len(cells):
        raise InternalError(f"{len(results)} results of {len(cells)} cells")
    before = store.last_good(run)
    regressions = find_regressions(before, results, memory_ratio=bench.memory_ratio, latency_ratio=bench.latency_ratio)
    store.finish(run)
    return Outcome(run, results, len(done), regressions, before)


def _run_cell(bench: Bench, network: NetworkEntry, board: BoardEntry, key: str, out: Path) -> CellResult:
    result = CellResult(network.name, board.name, key)
    try:
        return _measure(bench, network, board, result, out / f"{network.name}@{board.name}")
    except TinybayesError as error:
        return _failed(result, error)


def _failed(result: CellResult, error: TinybayesError) -> CellResult:
    if isinstance(error, InternalError):
        raise error
    return replace(result, error=str(error), exit_status=error.exit_status)


def _measure(bench: Bench, network: NetworkEntry, board: BoardEntry, result: CellResult, where: Path) -> CellResult:
    with _BUILDING:
        deployment = compile_network(
            tbn.load(network.file), load_board(board.board), where, objective=network.objective
        )
        elf = deployment.build()
    record = deployment.record
    result = replace(result, flash_bytes=record["flash"]["image_bytes"], ram_bytes=record["ram"]["total_bytes"])
    try:
        return _on_board(bench, board, result, deployment, elf)
    except TinybayesError as error:
        return _failed(result, error)  # its sizes are known all the same


def _on_board(bench: Bench, board: BoardEntry, result: CellResult, deployment: Deployment, elf: Path) -> CellResult:
    if board.flash:
        _flash(board, elf)
    verdict = deployment.verify([board.on], device_samples=bench.samples)[board.on]
    result = replace(result, samples=verdict.samples, mismatches=verdict.mismatches)
    if verdict.mismatches:
        first = str(verdict.first_mismatch)
        return replace(
            result,
            first_mismatch=first,
            error=f"differs first in {first}",
            exit_status=VerificationError.exit_status,
        )
    if board.on == "qemu":
        return replace(result, latency_seconds=deployment.record["latency"]["seconds"], latency_source="emulated")
    profile = profile_device(deployment, board.on, bench.runs)
    return replace(result, latency_seconds=profile.seconds, latency_source="measured")


def _flash(board: BoardEntry, elf: Path) -> None:
    known = load_board(board.board)
    way = choose_way(known, board.method, probe=board.probe is not None, drive=board.drive is not None)
    # A board whose boot loader shows a drive is asked to enter it, so that a rack needs no hand at a button.
    show_drive = partial(enter_boot_loader, board.on, known) if isinstance(way, Uf2) else None
    plan_flash(elf, known, method=board.method, probe=board.probe, drive=board.drive, show_drive=show_drive).execute()


def _key(network: NetworkEntry, board: BoardEntry) -> str:
    version = metadata.version("tinybayes")
    text = "\0".join((version, network.objective, board.board, board.on))
    return hashlib.sha256(network.file.read_bytes() + text.encode()).hexdigest()
