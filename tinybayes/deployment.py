"""A compiled network in its directory: build it, run it, verify it, report on it."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinybayes import tbn
from tinybayes.boards import Board, CoreTarget, Target, emulated_board_like, load_target
from tinybayes.boards.bench import read_calibrations
from tinybayes.build.account import account_for
from tinybayes.build.cmake import RegionOverflowError, build_firmware, build_library, library_objects, map_beside
from tinybayes.build.disassembly import disassemble
from tinybayes.build.fit import check_stack, overflow_text
from tinybayes.build.image import read_image
from tinybayes.build.library import firmware_objects, measure_library, refuse_variables
from tinybayes.build.stack import StackAnalysis
from tinybayes.emit.directory import write_atomically
from tinybayes.emit.firmware import NETWORK_DIGEST_BYTES
from tinybayes.errors import FileFormatError, LimitError, ToolError, UnsupportedError, UserError, did_you_mean
from tinybayes.latency import boards_of_cores, trace_in_emulation
from tinybayes.plan import Plan, fullest_step, make_plan
from tinybayes.reference import dequantize_output, quantize_input
from tinybayes.report import record as records
from tinybayes.report import verdict
from tinybayes.report.facts import check
from tinybayes.report.latency import core_row, fill_latency
from tinybayes.report.memory import record_image, record_library
from tinybayes.run.device import DeviceRunner
from tinybayes.run.host import HostRunner
from tinybayes.run.qemu import QemuRunner
from tinybayes.run.runner import Runner
from tinybayes.timing.cores import model_of
from tinybayes.timing.emulate import Marks
from tinybayes.timing.model import TraceCycles, cycles
from tinybayes.timing.program import Program
from tinybayes.timing.static import static_trace

Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it is done, and how much there is."""
NETWORK_FILE = "network.tbn"
WITHOUT_LINK = "; --protocol none leaves out the serial link, which takes a part of it"
_PORT = re.compile(r"[/:]|^COM\d+$", re.IGNORECASE)


def network_digest(network: bytes) -> bytes:
    """By which host and device know that they speak of the same network; ``network`` is the .tbn file's content."""
    return hashlib.sha256(network).digest()[:NETWORK_DIGEST_BYTES]


def _silent(_what: str, _done: int, _total: int) -> None:
    pass


@dataclass(frozen=True, eq=False)
class Deployment:
    """A compiled network in its directory. ``record`` is report.json, and grows with every step."""

    directory: Path
    plan: Plan
    board: Target
    record: records.Record

    @property
    def name(self) -> str:
        """The network's name in C."""
        return str(self.record["network"]["name"])

    @property
    def digest(self) -> bytes:
        """By which host and device know that they speak of the same network."""
        return network_digest((self.directory / NETWORK_FILE).read_bytes())

    @classmethod
    def open(cls, directory: Path) -> "Deployment":
        """The deployment that ``compile`` wrote into ``directory``."""
        record = records.read_record(directory)
        check(record)
        board = load_target(record["board"]["name"])
        formats = {layer["name"]: layer["format"] for layer in record["layers"]}
        plan = make_plan(tbn.load(directory / NETWORK_FILE), record["objective"], board.core, formats)
        written = [layer["weights_bytes"] for layer in record["layers"]]
        if [step.weights_bytes for step in plan.steps] != written:
            raise FileFormatError(f"{directory} was compiled by another version of tinybayes; compile again")
        return cls(directory, plan, board, record)

    def build(self) -> Path:
        """Builds the firmware; the ELF's path. For a core alone, builds the library; the archive's path.

        Raises LimitError where it does not fit, ToolError without tools.
        """
        made = self._build_firmware(self.board) if isinstance(self.board, Board) else self._build_library(self.board)
        self._check_limits()
        return made

    def _build_firmware(self, board: Board) -> Path:
        try:
            elf = build_firmware(self.directory, self.name)
        except RegionOverflowError as error:
            link_map = map_beside(self.directory / "build" / f"{self.name}.elf")
            reasons = overflow_text(error.overflows, link_map, self.plan, self.name, board)
            raise LimitError(f"{error}. {reasons}{self._without_link()}") from error
        refuse_variables(firmware_objects(elf))
        image = read_image(elf, map_beside(elf))
        stacks = StackAnalysis(disassemble(elf))
        whole = stacks.of_image("reset_handler", "vectors")
        account = account_for(image, self.plan, self.name)
        record_image(self.record, image, account, whole, stacks.of_function(f"{self.name}_run"))
        self.static_latency()
        self._save()
        check_stack(whole, image.reserved_stack_bytes, stacks.frame_bytes, board)
        return elf

    def _build_library(self, target: CoreTarget) -> Path:
        archive = build_library(self.directory, self.name)
        objects = library_objects(archive)
        refuse_variables(objects)
        image, stack = measure_library(objects, f"{self.name}_run", target.gcc_flags)
        record_library(self.record, image, account_for(image, self.plan, self.name, arena=False), stack)
        self._save()
        return archive

    def run(self, x: npt.NDArray[np.float32], on: str = "qemu", progress: Progress = _silent) -> dict[str, Any]:
        """Runs real inputs (samples, *torch input shape); ``y`` float32 and ``q`` int8 (samples, *output shape).

        ``input_q`` holds the codes that the network was given, int8 (samples, input_len).
        """
        graph = self.plan.graph
        codes = self.quantize(x)
        with self.runner(on) as runner:
            q = runner.predict(codes, lambda done: progress(f"running on {on}", done, len(codes)))
        q = q.reshape(len(q), *graph.output_tensor.shape)
        return {"y": dequantize_output(graph, q), "q": q, "input_q": codes}

    def quantize(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
        """Codes int8 (samples, input_len) of real inputs (samples, *torch input shape)."""
        return quantize_input(self.plan.graph, x).reshape(len(x), -1)

    def runner(self, on: str) -> Runner:
        """The place called ``on``: host, qemu, or the URL of a serial port."""
        self._check_place(on)
        if on == "host":
            return HostRunner(self.directory / "network", self.name)
        if on == "qemu" and isinstance(self.board, Board):
            return QemuRunner(build_firmware(self.directory, self.name), self.board, network_digest=self.digest)
        board = self._whole_board()
        return DeviceRunner(on, network_digest=self.digest, board=board.name, baud=board.uart.baud)

    def verify(
        self,
        on: Sequence[str] = ("host", "qemu"),
        x: npt.NDArray[np.float32] | None = None,
        y: npt.NDArray[np.int64] | None = None,
        *,
        recipe: str | None = None,
        device_samples: int | None = None,
        progress: Progress = _silent,
    ) -> dict[str, verdict.Verdict]:
        """Compares every place in ``on`` with the reference: outputs and every materialised tensor, to the bit.

        ``x`` is real inputs with labels ``y``; without it, 256 seeded codes and the extremes. ``recipe`` names the
        recipe whose test part they are, if any: the float network's accuracy on it is known. ``device_samples`` bounds
        how many go over a serial line. On qemu the instructions of one inference are counted too.
        """
        for place in on:
            self._check_place(place)
        inputs = verdict.random_inputs(self.plan.graph) if x is None else self.quantize(x)
        expected: verdict.Expected | None = None
        verdicts = {}
        figures = self.record["accuracy"]
        for place in on:
            # A board that does not answer says so before the reference has worked for nothing.
            with self.runner(place) as runner:
                if expected is None:
                    expected = verdict.expect(self.plan, inputs, lambda done: progress("reference", done, len(inputs)))
                    if y is not None:
                        figures.update(self._accuracy(expected.outputs, y, recipe))
                part = expected if place == "host" or device_samples is None else expected.first(device_samples)
                total = len(part.inputs)
                judged = verdict.judge(self.plan, part, runner, lambda done, p=place, n=total: progress(p, done, n))  # type: ignore[misc]
            verdicts[place] = judged
            self.record["verify"][place] = judged.record()
            if y is not None and place != "host" and not judged.mismatches:
                figures["device"] = verdict.accuracy(part.outputs, y[:total], self.plan.graph.class_scores)
                figures["device_samples"] = total
            self._save()
        if "qemu" in on:
            self.measure_latency()
        return verdicts

    def _accuracy(self, outputs: npt.NDArray[np.int8], y: npt.NDArray[np.int64], recipe: str | None) -> dict[str, Any]:
        facts = self.plan.graph.facts
        return {
            "float": facts.get("float_accuracy") if recipe is not None and recipe == facts.get("recipe") else None,
            "reference": verdict.accuracy(outputs, y, self.plan.graph.class_scores),
            "device": None,
            "samples": len(y),
        }

    def static_latency(self) -> None:
        """Fills in instructions and cycles from the machine code alone; they stay null without a disassembler.

        Raises InternalError where the run time could depend on the input.
        """
        try:
            cost = self.static_cycles()
        except ToolError:
            return
        self.record["latency"]["same_for_every_input"] = True
        self._fill_latency(cost, "static")

    def static_cycles(self) -> TraceCycles:
        """What one inference costs by the core's model, found without running it."""
        board = self._whole_board()
        elf = build_firmware(self.directory, self.name, bench=True)
        program = Program.load(elf, board.core)
        trace = static_trace(elf, board.core, Marks.of_network(self.name, len(self.plan.steps)))
        return cycles(program, trace, model_of(board.core, board.chip.multiplier_cycles), board.chip.flash_timing)

    def measure_latency(self) -> int:
        """Traces one inference of the bare image in QEMU and fills in what it costs; the number of instructions.

        Where QEMU does not emulate the board, its code runs on a machine with the board's core or one that executes
        the same instructions; clock and flash are the board's in any case.
        """
        board = self._whole_board()
        traced = trace_in_emulation(self.directory, self.name, self.plan, self.digest, board)
        self._fill_latency(traced.cost_on(board), "emulated")
        self._save()
        return traced.trace.instructions

    def measure_cores(self, progress: Progress = _silent) -> list[dict[str, Any]]:
        """What one inference costs on every core, with the clock and flash of a board that stands for it.

        Kept under ``cores`` of the record.
        """
        boards = boards_of_cores(self.board)
        rows = []
        for number, board in enumerate(boards):
            progress("cores", number, len(boards))
            traced = trace_in_emulation(self.directory, self.name, self.plan, self.digest, board)
            names = [layer["name"] for layer in self.record["layers"]]
            rows.append(
                core_row(
                    traced.cost_on(board), names, board, model_of(board.core, board.chip.multiplier_cycles).version
                )
            )
        progress("cores", len(boards), len(boards))
        self.record["cores"] = rows
        self._save()
        return rows

    def _whole_board(self) -> Board:
        if isinstance(self.board, Board):
            return self.board
        raise UnsupportedError(
            f"{self.directory} holds a library for {self.board.core}, which has no clock to tell time by"
        )

    @property
    def model_version(self) -> str:
        """Name and version of the core's timing model."""
        board = self._whole_board()
        return model_of(board.core, board.chip.multiplier_cycles).version

    def _fill_latency(self, cost: TraceCycles, source: str) -> None:
        board = self._whole_board()
        fill_latency(
            self.record,
            cost,
            source=source,
            board=board,
            model_version=self.model_version,
            calibration=read_calibrations().get(board.name),
        )

    def report(self) -> Path:
        """Writes ``report.html``; its path."""
        from tinybayes.report.html import write_report

        return write_report(self.directory)

    def _check_place(self, on: str) -> None:
        if on == "host":
            return
        if on != "qemu" and not _PORT.search(on):
            near = did_you_mean(on, ("host", "qemu"))
            raise UserError(f"there is no place {on!r} to run on; give host, qemu, or the URL of a serial port.{near}")
        if not isinstance(self.board, Board):
            like = emulated_board_like(self.board.core)
            hint = f"; compile for {like.name}, which QEMU emulates with a {like.core}" if like is not None else ""
            raise UnsupportedError(
                f"{self.directory} holds a library for {self.board.core}, which runs on host only{hint}"
            )
        if self.record["protocol"] != "frames":
            raise UnsupportedError(
                f"{self.directory} was compiled with --protocol {self.record['protocol']}, which cannot take inputs; "
                "compile with --protocol frames to run it on a device"
            )

    def _check_limits(self) -> None:
        limits, flash, ram = self.record.get("limits", {}), self.record["flash"], self.record["ram"]
        library_bytes = flash["weights_bytes"] + flash["code_bytes"]
        flash_bytes = library_bytes if flash["image_bytes"] is None else flash["image_bytes"]
        for what, limit, used in (
            ("flash", limits.get("flash_bytes"), flash_bytes),
            ("ram", limits.get("ram_bytes"), ram["total_bytes"]),
        ):
            if limit is not None and used is not None and used > limit:
                raise LimitError(
                    f"the image in {self.directory} takes {used} bytes of {what}, {used - limit} more than the {limit} "
                    f"of --max-{what}. {self._largest_layer(what)}{self._without_link()}"
                )

        most, needed = limits.get("latency_seconds"), self.record["latency"]["seconds"]
        if most is not None and needed is not None and needed > most:
            slowest = max(self.record["layers"], key=lambda one: one["cycles"] or 0)
            raise LimitError(
                f"an inference in {self.directory} takes {needed * 1e3:.4g} ms as modelled, more than the "
                f"{most * 1e3:.4g} ms of --max-latency. Layer {slowest['name']!r} takes most, {slowest['cycles']} "
                "cycles; --objective latency is the fastest plan"
            )

    def _without_link(self) -> str:
        framed = self.record["protocol"] == "frames"
        return WITHOUT_LINK if framed else ""

    def _largest_layer(self, what: str) -> str:
        if what == "ram":
            step, held_bytes = fullest_step(self.plan)
            return f"Layer {step.name!r} holds most of it, {held_bytes} bytes at once"
        layer = max(self.record["layers"], key=lambda one: one["weights_bytes"] + (one["code_bytes"] or 0))
        return f"Layer {layer['name']!r} takes most flash, {layer['weights_bytes']} bytes of weights"

    def keep_front(self, rows: list[dict[str, Any]]) -> None:
        """Puts the Pareto front of the network's plans, as ``tinybayes.explore`` found it, into the record."""
        self.record["front"] = rows
        self._save()

    def _save(self) -> None:
        write_atomically(self.directory / records.FILE_NAME, records.record_text(self.record).encode())
