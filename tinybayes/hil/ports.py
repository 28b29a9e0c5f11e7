"""Opens a serial port by its URL: what pyserial opens, ``usb:VID:PID[:serial]``, and ``labgrid:PLACE``."""

import contextlib
import errno
import re
from collections.abc import Callable
from dataclasses import dataclass

import serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from tinybayes.errors import DeviceError, UserError
from tinybayes.hil.labgrid import Place

_USB = re.compile(r"usb:([0-9a-f]{4}):([0-9a-f]{4})(?::(.+))?", re.IGNORECASE)
_USB_WANTED = "usb:VID:PID or usb:VID:PID:SERIAL, VID and PID four hexadecimal digits each, as usb:0483:374b"


@dataclass(frozen=True)
class OpenPort:
    """An open port of pyserial's; ``close`` may be called twice."""

    port: serial.SerialBase
    close: Callable[[], None]


def open_port(url: str, *, baud: int, timeout_seconds: float, write_timeout_seconds: float) -> OpenPort:
    """The open port. Reads give up after ``timeout_seconds`` with what there is, writes fail after the other time.

    Raises UserError for a URL that cannot be, and DeviceError where nothing, or more than one device, answers to it,
    or where it cannot be opened.
    """
    release = contextlib.ExitStack()
    try:
        name = _name_of(url, release)
        # pyserial 3.5 refuses a time-out for writes on RFC 2217 ports (rfc2217.py, _reconfigure_port).
        write_timeout = None if name.startswith("rfc2217:") else write_timeout_seconds
        port = serial.serial_for_url(name, baudrate=baud, timeout=timeout_seconds, write_timeout=write_timeout)
    except (serial.SerialException, OSError, ValueError) as error:
        release.close()
        raise DeviceError(
            f"{url}: cannot open: {error}; check the name, the cable and that no other program has it open"
            f"{_permission(error)}"
        ) from error
    except BaseException:
        release.close()
        raise
    release.callback(_close, port)
    return OpenPort(port, release.close)


def find_usb_port(url: str) -> str:
    """The device, as ``/dev/ttyACM0`` or ``COM5``, that ``usb:VID:PID[:serial]`` stands for.

    Raises UserError for another form, and DeviceError where none or several match, with a list of what is there.
    """
    form = _USB.fullmatch(url)
    if form is None:
        raise UserError(f"{url}: wanted {_USB_WANTED}")
    vendor, product, number = int(form[1], 16), int(form[2], 16), form[3]
    there = sorted(list_ports.comports(), key=lambda port: port.device)
    found = [port for port in there if (port.vid, port.pid) == (vendor, product)]
    if number is not None:
        found = [port for port in found if (port.serial_number or "").lower() == number.lower()]
    if not found:
        usb = [port for port in there if port.vid is not None]
        listed = "there are: " + ", ".join(_describe(port) for port in usb) if usb else "there is no USB port at all"
        raise DeviceError(f"{url}: there is no such serial port; {listed}. Check the cable and the board's power")
    if len(found) > 1:
        raise DeviceError(
            f"{url}: several serial ports match: {', '.join(_describe(port) for port in found)}. "
            f"{'Give the name of one' if number is not None else 'Add the serial number of one, or give its name'}"
        )
    return str(found[0].device)


def _name_of(url: str, release: contextlib.ExitStack) -> str:
    """What pyserial can open; ``release`` gets what has to be undone afterwards."""
    if url.lower().startswith("usb:"):
        return find_usb_port(url)
    if url.lower().startswith("labgrid:"):
        return release.enter_context(Place(url.split(":", 1)[1])).serial_url()
    return url


def _describe(port: ListPortInfo) -> str:
    number = f":{port.serial_number}" if port.serial_number else ""
    return f"usb:{port.vid:04x}:{port.pid:04x}{number} ({port.device}, {port.description})"


def _permission(error: BaseException) -> str:
    if getattr(error, "errno", None) != errno.EACCES and "Permission denied" not in str(error):
        return ""
    return ". On Linux, ports belong to the group dialout: sudo usermod -a -G dialout $USER, then log in again"


def _close(port: serial.SerialBase) -> None:
    # pyserial's socket port forgets to close its socket where the other side went away first.
    left_open = getattr(port, "_socket", None)
    port.close()
    if left_open is not None:
        left_open.close()
