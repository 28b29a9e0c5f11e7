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
from tinybayes.boards import Board, load_board
from tinybayes.build.cmake import build_firmware, map_beside
from tinybayes.build.elf import measure_image
from tinybayes.build.stack import stack_bound_bytes
from tinybayes.emit.directory import write_atomically
from tinybayes.emit.firmware import NETWORK_DIGEST_BYTES
from tinybayes.errors import FileFormatError, LimitError, UnsupportedError, UserError, did_you_mean
from tinybayes.plan import Plan, make_plan
from tinybayes.reference import dequantize_output, quantize_input
from tinybayes.report import record as records
from tinybayes.report import verdict
from tinybayes.report.facts import check
from tinybayes.run.device import DeviceRunner
from tinybayes.run.host import HostRunner
from tinybayes.run.qemu import QemuRunner
from tinybayes.run.runner import Runner
from tinybayes.timing.instructions import count_instructions

Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it is done, and how much there is."""
NETWORK_FILE = "network.tbn"
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
    board: Board
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
        board = load_board(record["board"]["name"])
        formats = {layer["name"]: layer["format"] for layer in record["layers"]}
        plan = make_plan(tbn.load(directory / NETWORK_FILE), record["objective"], board.core, formats)
        written = [layer["weights_bytes"] for layer in record["layers"]]
        if [step.weights_bytes for step in plan.steps] != written:
            raise FileFormatError(f"{directory} was compiled by another version of tinybayes; compile again")
        return cls(directory, plan, board, record)

    def build(self) -> Path:
        """Builds the firmware; the ELF's path. Raises LimitError where it does not fit, ToolError without tools."""
        try:
            elf = build_firmware(self.directory, self.name)
        except LimitError as error:
            raise LimitError(f"{error}. {self._largest_layer()}") from error
        sizes = measure_image(elf, map_beside(elf))
        flash, ram = self.record["flash"], self.record["ram"]
        flash["code_bytes"] = sizes.network_code_bytes + sizes.network_constant_bytes - flash["weights_bytes"]
        flash["other_bytes"] = sizes.other_bytes
        flash["image_bytes"] = sizes.image_bytes
        stack_bytes = stack_bound_bytes(elf, f"{self.name}_run")
        ram["static_bytes"] = sizes.static_ram_bytes - ram["arena_bytes"]
        ram["stack_bytes"] = stack_bytes
        ram["total_bytes"] = sizes.static_ram_bytes + stack_bytes if stack_bytes is not None else None
        for number, layer in enumerate(self.record["layers"]):
            symbol = sizes.symbols.get(f"{self.name}_step_{number}")
            layer["code_bytes"] = symbol.size_bytes if symbol is not None else None
        self._save()
        self._check_limits()
        return elf

    def run(self, x: npt.NDArray[np.float32], on: str = "qemu", progress: Progress = _silent) -> dict[str, Any]:
        """Runs real inputs (samples, *torch input shape); ``y`` float32 and ``q`` int8 (samples, *output shape).

        ``input_q`` holds the codes that the network was given, int8 (samples, input_len).
        """
        graph = self.plan.graph
        codes = self.quantize(x)
        with self.runner(on) as runner:
            q = runner.run(codes, lambda done: progress(f"running on {on}", done, len(codes))).outputs
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
        if on == "qemu":
            return QemuRunner(build_firmware(self.directory, self.name), self.board, network_digest=self.digest)
        return DeviceRunner(on, network_digest=self.digest)

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
        expected = verdict.expect(self.plan, inputs, lambda done: progress("reference", done, len(inputs)))
        verdicts = {}
        figures = self.record["accuracy"]
        if y is not None:
            facts = self.plan.graph.facts
            figures.update(
                float=facts.get("float_accuracy") if recipe is not None and recipe == facts.get("recipe") else None,
                reference=verdict.accuracy(expected.outputs, y),
                device=None,
                samples=len(y),
            )
        for place in on:
            part = expected if place == "host" or device_samples is None else expected.first(device_samples)
            total = len(part.inputs)
            with self.runner(place) as runner:
                judged = verdict.judge(self.plan, part, runner, lambda done, p=place, n=total: progress(p, done, n))  # type: ignore[misc]
            verdicts[place] = judged
            self.record["verify"][place] = judged.record()
            if y is not None and place != "host" and not judged.mismatches:
                figures["device"] = verdict.accuracy(part.outputs, y[:total])
                figures["device_samples"] = total
            self._save()
        if "qemu" in on:
            self.count_instructions()
        return verdicts

    def count_instructions(self) -> int:
        """Counts the instructions of one inference in QEMU, layer by layer, on the bare image."""
        if self.board.qemu is None:
            raise UnsupportedError(f"QEMU does not emulate {self.board.name}, so its instructions cannot be counted")
        elf = build_firmware(self.directory, self.name, bench=True)
        counts = count_instructions(
            elf,
            self.board.qemu.machine,
            begin="bench_begin",
            end="bench_end",
            steps={number: f"{self.name}_step_{number}" for number in range(len(self.plan.steps))},
            entry=f"{self.name}_run",
            arguments=self.board.qemu.arguments,
        )
        self.record["latency"].update(source="emulated", instructions=counts.total)
        for number, layer in enumerate(self.record["layers"]):
            layer["instructions"] = counts.per_step[number]
        self._save()
        return counts.total

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
        if self.record["protocol"] != "frames":
            raise UnsupportedError(
                f"{self.directory} was compiled with --protocol {self.record['protocol']}, which cannot take inputs; "
                "compile with --protocol frames to run it on a device"
            )

    def _check_limits(self) -> None:
        limits = self.record.get("limits", {})
        for what, limit, used in (
            ("flash", limits.get("flash_bytes"), self.record["flash"]["image_bytes"]),
            ("ram", limits.get("ram_bytes"), self.record["ram"]["total_bytes"]),
        ):
            if limit is not None and used is not None and used > limit:
                raise LimitError(
                    f"the image in {self.directory} takes {used} bytes of {what}, {used - limit} more than the {limit} "
                    f"of --max-{what}. {self._largest_layer()}; --protocol none leaves out the serial link, "
                    "which takes a part of it"
                )

    def _largest_layer(self) -> str:
        layer = max(self.record["layers"], key=lambda one: one["weights_bytes"] + (one["code_bytes"] or 0))
        return f"Layer {layer['name']!r} takes most flash, {layer['weights_bytes']} bytes of weights"

    def _save(self) -> None:
        write_atomically(self.directory / records.FILE_NAME, records.record_text(self.record).encode())
