"""Places of a board farm that labgrid manages, through labgrid's own command line.

labgrid replaces pyserial by a distribution of its own under the same module name, so it belongs into an environment
apart; ``LABGRID_CLIENT`` names its command where ``labgrid-client`` on the PATH is not it. The commands, their words
and the form of ``show`` are those of labgrid 26.0 (man labgrid-client; labgrid/remote/client.py).
"""

import ast
import os
import re
import shutil
import subprocess
from types import TracebackType
from typing import Any, Self

from tinybayes.errors import DeviceError, ToolError, UserError

_SECONDS = 60.0
_ALREADY_OURS = "You have already acquired place"
_RESOURCE = re.compile(r"^Acquired resource '(?P<name>[^']*)' \((?P<path>[^)]*)\):$", re.MULTILINE)
_INSTALL = (
    "python3 -m venv ~/labgrid && ~/labgrid/bin/pip install labgrid; "
    "then set LABGRID_CLIENT=~/labgrid/bin/labgrid-client"
)
_URLS = {"rfc2217": "rfc2217", "raw": "socket"}
"""NetworkSerialPort's protocols (labgrid/resource/serialport.py) and how pyserial calls them."""


class Place:
    """A place, acquired while entered and released afterwards; one that is ours already is left as it was.

    Raises ToolError without labgrid-client, and DeviceError, with its words, where it fails.
    """

    def __init__(self, name: str) -> None:
        if not re.fullmatch(r"[^\s:/-][^\s:/]*", name):
            raise UserError(f"labgrid:{name}: wanted labgrid:PLACE, as `labgrid-client places` lists them")
        self.name = name
        self._ours = False

    def __enter__(self) -> Self:
        """Acquires the place."""
        status, text = self._run("acquire")
        if status != 0 and _ALREADY_OURS not in text:
            raise self._failed("acquire", status, text)
        self._ours = status == 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Releases the place, if it was acquired here."""
        if self._ours:
            self._ours = False
            self._run("release")

    def serial_url(self) -> str:
        """The URL of the place's serial port; the first, where it has several."""
        status, text = self._run("show")
        if status != 0:
            raise self._failed("show", status, text)
        ports = []
        found = list(_RESOURCE.finditer(text))
        for resource, following in zip(found, [*(one.start() for one in found[1:]), len(text)], strict=True):
            shown = self._shown(text[resource.end() : following])
            if shown.get("cls") == "NetworkSerialPort":
                ports.append(shown)
        if not ports:
            names = ", ".join(one["path"] for one in found) or "none"
            raise DeviceError(
                f"labgrid:{self.name}: the place has no NetworkSerialPort; its resources are: {names}. "
                f"`labgrid-client -p {self.name} add-match` adds one"
            )
        return self._url(ports[0])

    def _url(self, port: dict[str, Any]) -> str:
        params = port["params"] if isinstance(port.get("params"), dict) else {}
        host, number, protocol = params.get("host"), params.get("port"), params.get("protocol", "rfc2217")
        if not isinstance(host, str) or not isinstance(number, int) or protocol not in _URLS:
            raise DeviceError(
                f"labgrid:{self.name}: its serial port has host {host!r}, port {number!r} and protocol {protocol!r}; "
                "is the exporter running, and is the board plugged in?"
            )
        return f"{_URLS[protocol]}://{host}:{number}"

    def _shown(self, text: str) -> dict[str, Any]:
        try:
            shown = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError) as error:
            raise DeviceError(
                f"labgrid:{self.name}: labgrid-client show printed what cannot be read: {text.strip()[:200]!r}"
            ) from error
        return shown if isinstance(shown, dict) else {}

    def _run(self, command: str) -> tuple[int, str]:
        program = shutil.which(os.environ.get("LABGRID_CLIENT") or "labgrid-client")
        if program is None:
            raise ToolError(f"labgrid-client was not found; install it into an environment of its own: {_INSTALL}")
        try:
            done = subprocess.run(
                [program, "-p", self.name, command],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=_SECONDS,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise DeviceError(
                f"labgrid:{self.name}: labgrid-client {command} did not end within {_SECONDS:g} s; is the coordinator "
                "(LG_COORDINATOR) reachable?"
            ) from error
        return done.returncode, f"{done.stdout}\n{done.stderr}" if command != "show" or done.returncode else done.stdout

    def _failed(self, command: str, status: int, text: str) -> DeviceError:
        words = " ".join(text.split())[-500:]
        return DeviceError(f"labgrid:{self.name}: labgrid-client {command} failed with status {status}: {words}")
