"""The drive of a UF2 boot loader without hardware: a directory that takes a file and is gone once it has it."""

import time
from pathlib import Path

from tinybayes.boards.flashing import Uf2
from tinybayes.flashing.uf2 import read_uf2

_POLL_SECONDS = 0.1
_INFO = "UF2 Bootloader\nModel: {board}, played by tinybayes\nBoard-ID: {label}\n"


def take_image(drive: Path, way: Uf2, board: str) -> bytes:
    """Shows ``drive`` until a whole UF2 file for the family of ``way`` lies there; the image that was in it.

    The file and the drive's own are removed then, as the drive of a board that has started its image is. Files that
    are no UF2, not whole or for another chip are left alone, as boot loaders leave them.
    """
    info = drive / "INFO_UF2.TXT"
    info.write_text(_INFO.format(board=board, label=way.label), encoding="utf-8")
    try:
        while True:
            for file in sorted(drive.glob("*.uf2")):
                found = read_uf2(file.read_bytes())
                if found is not None and found.family_id == way.family_id:
                    file.unlink()
                    return found.image
            time.sleep(_POLL_SECONDS)
    finally:
        info.unlink(missing_ok=True)
