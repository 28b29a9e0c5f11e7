"""One exception tree for everything that can go wrong.

::

    TinybayesError                 base; carries the process exit status
    ├── UserError          (2)     what the user handed in is wrong
    │   ├── FileFormatError        a file is damaged, of another kind or of another version
    │   ├── UnsupportedError       a model uses an operator, shape or option that is not supported
    │   ├── BoardError             a board or chip record is unknown or wrong
    │   └── OutputDirectoryError   the output directory holds files that are not ours
    ├── LimitError         (1)     a limit does not hold: the network does not fit, or --max-... is exceeded
    ├── VerificationError  (1)     outputs differ that must agree bit for bit
    ├── ToolError          (3)     a tool is missing or failed
    │   └── DeviceError            a device or emulator did not answer, or answered wrongly
    └── InternalError      (70)    our own bug: an invariant between stages does not hold
"""

from collections.abc import Iterable
from difflib import get_close_matches


class TinybayesError(Exception):
    """Base of all errors raised on purpose; ``exit_status`` is what the command line exits with."""

    exit_status = 70


class UserError(TinybayesError):
    """What the user handed in is wrong; the message says what, where, got, wanted, and what to do."""

    exit_status = 2


class FileFormatError(UserError):
    """A file is truncated, damaged, of another kind or of another version."""


class UnsupportedError(UserError):
    """A model uses something that is not supported; the message names it and lists what is."""


class BoardError(UserError):
    """A board or chip record is unknown, incomplete or contradicts itself."""


class OutputDirectoryError(UserError):
    """An output directory holds files that tinybayes did not make, so nothing in it is touched."""


class LimitError(TinybayesError):
    """A limit does not hold: the message names the layer and the number of bytes (or seconds) too many."""

    exit_status = 1


class VerificationError(TinybayesError):
    """Outputs differ that must agree bit for bit."""

    exit_status = 1


class ToolError(TinybayesError):
    """A tool is missing or failed; the message gives the command that installs it or its last output."""

    exit_status = 3


class DeviceError(ToolError):
    """A device or emulator did not answer, or answered wrongly; the message names the step."""


class InternalError(TinybayesError):
    """Our own bug: an invariant between two stages does not hold."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``" Did you mean 'x' or 'y'?"`` for the names in ``known`` nearest to ``name``, else an empty string."""
    near = get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
