"""A client of MLPerf Tiny's device protocol, written from its description: ASCII commands ended by ``%``."""

import re

import numpy as np
import serial

_BYTES_A_COMMAND = 31
_READY = b"m-ready\r\n"


class MlperfClient:
    """One device; every command returns the lines of its answer, without m-ready."""

    def __init__(self, url: str, timeout_seconds: float = 30.0) -> None:
        self._port = serial.serial_for_url(url, timeout=timeout_seconds)

    def command(self, text: str) -> list[str]:
        """Sends ``text`` and waits until the device is ready again."""
        self._port.write(text.encode() + b"%")
        return self.await_ready()

    def await_ready(self) -> list[str]:
        """The lines up to m-ready."""
        answer = self._port.read_until(_READY)
        assert answer.endswith(_READY), answer
        return answer[: -len(_READY)].decode().split("\r\n")[:-1]

    def load(self, values: np.ndarray) -> None:
        """Puts int8 codes into the device's buffer."""
        data = values.tobytes()
        assert self.command(f"db load {len(data)}") == [f"m-[Expecting {len(data)} bytes]"]
        for at in range(0, len(data), _BYTES_A_COMMAND):
            answer = self.command(f"db {data[at : at + _BYTES_A_COMMAND].hex()}")
            assert answer == (["m-load-done"] if at + _BYTES_A_COMMAND >= len(data) else [])

    def infer(self, iterations: int, warm_ups: int) -> tuple[list[float], int]:
        """Results, and the microseconds between the two time stamps."""
        lines = self.command(f"infer {iterations} {warm_ups}")
        laps = [int(line.removeprefix("m-lap-us-")) for line in lines if line.startswith("m-lap-us-")]
        assert len(laps) == 2, lines
        assert [line for line in lines if not line.startswith(("m-lap", "m-results"))] == [
            f"m-warmup-start-{warm_ups}", "m-warmup-done", f"m-infer-start-{iterations}", "m-infer-done",
        ]  # fmt: skip
        return self.results_of(lines[-1]), laps[1] - laps[0]

    def results_of(self, line: str) -> list[float]:
        """The numbers of an answer."""
        match = re.fullmatch(r"m-results-\[([-0-9.,]+)\]", line)
        assert match is not None, line
        return [float(number) for number in match[1].split(",")]

    def close(self) -> None:
        """Closes the port."""
        self._port.close()
