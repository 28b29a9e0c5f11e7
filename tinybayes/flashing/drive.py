"""Drives that boards show over USB: finding one by its label, and copying an image onto it."""

import errno
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from tinybayes.errors import DeviceError, UserError

_FAIL_SECONDS = 10.0
_POLL_SECONDS = 0.2
_APPEAR_SECONDS = 30.0  # USB is enumerated in a second or two; desktops take their time to mount
_MOUNTS = Path("/proc/self/mounts")
_LABELS = Path("/dev/disk/by-label")
_GONE = frozenset({errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOENT, errno.EROFS})


def mounted_drives(mounts: Path = _MOUNTS) -> tuple[Path, ...]:
    """Where file systems are mounted: by Linux's own list, and below /Volumes on macOS."""
    places = []
    if mounts.is_file():
        for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
            fields = line.split(" ")
            if len(fields) > 1:
                # proc_pid_mounts(5), getmntent(3): space, tab, newline and backslash are written in octal.
                places.append(Path(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[1])))
    volumes = Path("/Volumes")
    if volumes.is_dir():
        places += sorted(volumes.iterdir())
    return tuple(places)


def find_drive(label: str, hint: str, *, mounts: Path = _MOUNTS, labels: Path = _LABELS) -> Path:
    """Where the drive called ``label`` is mounted, which desktops do in a directory of that name.

    ``hint`` says how the board is made to show it. Raises DeviceError where it is not there, is not mounted, or where
    there are several.
    """
    found = sorted({place for place in mounted_drives(mounts) if place.name == label})
    if len(found) > 1:
        raise DeviceError(
            f"several drives are called {label}: {', '.join(map(str, found))}; give one of them with --drive"
        )
    if found:
        return found[0]
    device = labels / label
    if device.exists():
        raise DeviceError(
            f"the drive {label} is there but not mounted; mount it (udisksctl mount -b {device}), "
            "then try again or give its directory with --drive"
        )
    raise DeviceError(
        f"there is no drive called {label}; {hint}, then try again. If it has another name or drives are mounted "
        "elsewhere, give its directory with --drive"
    )


def check_drive(drive: Path, marker: str | None) -> None:
    """Raises UserError unless ``drive`` is a directory, and holds the file ``marker`` where one is named."""
    if not drive.is_dir():
        raise UserError(f"--drive {drive}: there is no such directory")
    if marker is not None and marker.lower() not in (entry.name.lower() for entry in drive.iterdir()):
        raise DeviceError(f"{drive} has no {marker}, so it is no UF2 boot loader; nothing was written")


def await_drive(
    ready: Callable[[], Path], show: Callable[[], None], *, appear_seconds: float = _APPEAR_SECONDS
) -> Path:
    """The drive that ``ready`` finds; where it is not there yet, after ``show`` has made the board show it.

    Raises what ``ready`` says where the drive does not appear in time.
    """
    try:
        return ready()
    except (DeviceError, UserError):
        show()
    deadline = time.monotonic() + appear_seconds
    while True:
        try:
            return ready()
        except (DeviceError, UserError) as error:
            if time.monotonic() >= deadline:
                raise DeviceError(
                    f"the board has handed over to its boot loader, but {appear_seconds:g} s later: {error}"
                ) from error
        time.sleep(_POLL_SECONDS)


def copy_to_drive(drive: Path, name: str, data: bytes, *, fail_seconds: float = _FAIL_SECONDS) -> None:
    """Writes the file and waits until the board has it.

    A board that starts its new image takes its drive away, which is no error once all is written. One that refuses
    the image leaves a FAIL.TXT (DAPLink), whose words are raised as DeviceError.
    """
    failed = drive / "FAIL.TXT"
    before = _text(failed)
    written = 0
    try:
        with (drive / name).open("wb", buffering=0) as file:
            while written < len(data):
                written += file.write(data[written:])
            os.fsync(file.fileno())
    except OSError as error:
        if written < len(data) or error.errno not in _GONE:
            raise DeviceError(
                f"{drive / name}: only {written} of {len(data)} bytes could be written: {error}; "
                "unplug the board, plug it in and try again"
            ) from error
    deadline = time.monotonic() + fail_seconds
    while time.monotonic() < deadline and (drive / name).exists():
        time.sleep(_POLL_SECONDS)
    words = _text(failed)
    if words and words != before:
        raise DeviceError(f"the board refused the image: {' '.join(words.split())} ({failed})")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
