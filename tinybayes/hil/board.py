"""Which board an image was made for, and leaving it for the boot loader."""

from tinybayes.boards import Board
from tinybayes.boards.flashing import Uf2
from tinybayes.errors import DeviceError
from tinybayes.hil.link import Link
from tinybayes.hil.session import Session

_TIMEOUT_SECONDS = 2.0


def check_board(url: str, found: str, wanted: str | None) -> None:
    """Raises DeviceError unless the image at ``url`` was made for the board ``wanted``; ``None`` takes any."""
    if wanted is not None and found != wanted:
        raise DeviceError(
            f"{url}: hello: the image on the device was made for {found!r}, and the directory for {wanted!r}; "
            "flash the directory's image, or give the directory that was compiled for this board"
        )


def enter_boot_loader(url: str, board: Board) -> None:
    """Asks the firmware at ``url``, whichever network it runs, to hand over to the boot loader of ``board``.

    An answer that is lost on the way is no failure where nobody answers afterwards. Raises DeviceError where no
    firmware of ours answers, where it was made for another board, and where it cannot hand over.
    """
    try:
        session = Session(Link(url, baud=board.uart.baud, timeout_seconds=_TIMEOUT_SECONDS))
    except DeviceError as error:
        button = next((f"; or {way.button}, and leave out --on" for way in board.flashing if isinstance(way, Uf2)), "")
        raise DeviceError(f"{error}. To be asked, the board must run an image of ours already{button}") from error
    with session:
        check_board(url, session.identity.board, board.name)
        try:
            session.enter_boot_loader()
        except DeviceError:
            if _is_there(session):
                raise


def _is_there(session: Session) -> bool:
    try:
        session.echo(b"")
    except DeviceError:
        return False
    return True
