"""The entry point: runs a command and turns errors into one message and an exit status."""

import json
import sys
import traceback

import typer

from tinybayes.cli import calibrate, commands, device, fake, flash, rack, train
from tinybayes.cli.show import errors_console
from tinybayes.errors import TinybayesError

# The base of all complaints about options. Typer brings a click of its own from 0.22 on and click's before, so the
# class is taken from where both have it: BadParameter is a UsageError, which is a ClickException.
_ClickException: type[Exception] = typer.BadParameter.__mro__[2]
_USAGE_STATUS = 2
_INTERRUPTED_STATUS = 130
_BUG_STATUS = 70

app = typer.Typer(
    name="tinybayes",
    help="Compiles Bayesian-sparsified torch networks to verified Cortex-M firmware. "
    "Start with: [bold]tinybayes demo[/bold], or with a trained network: "
    "[bold]tinybayes compile NET.tbn --board mps2-an386 --out DIR[/bold]",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
train.register(app)
commands.register(app)
calibrate.register(app)
flash.register(app)
device.register(app)
rack.register(app)
fake.register(app)


def main() -> None:
    """Runs the command line and exits: 0 right, 1 a check failed, 2 wrong input, 3 a tool failed, 70 our bug."""
    sys.exit(_run())


def _run() -> int:
    try:
        result = app(standalone_mode=False)
    except TinybayesError as error:
        return _fail(str(error), error.exit_status, type(error).__name__)
    except _ClickException as error:
        return _fail(getattr(error, "format_message", error.__str__)(), _USAGE_STATUS, "UsageError")
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", _INTERRUPTED_STATUS, "Interrupted")
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None:
            # A path that the user gave: not there, not writable, a file where a directory is wanted.
            return _fail(f"{error.filename}: {error.strerror}", _USAGE_STATUS, "UserError")
        traceback.print_exc()
        return _fail(
            "this is a bug in tinybayes, not yours; please report it with the lines above", _BUG_STATUS, "InternalError"
        )
    return result if isinstance(result, int) else 0


def _fail(message: str, status: int, kind: str) -> int:
    if "--json" in sys.argv:
        print(json.dumps({"error": {"kind": kind, "message": message, "exit_status": status}}))
    else:
        errors_console().print(f"[bold red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    return status


def escape(text: str) -> str:
    """Text that rich prints as it is."""
    return text.replace("[", r"\[")
