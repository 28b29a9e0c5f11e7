"""docs/hardware.md says what errors mean, and which ports and commands there are: they must be those of the code."""

import ast
import re
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "hardware.md").read_text(encoding="utf-8")


def said_by_the_code() -> str:
    """All texts of the package, with ``\\0`` where a value goes in."""
    said = []
    for path in (ROOT / "tinybayes").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                said.append("".join(v.value if isinstance(v, ast.Constant) else "\0" for v in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                said.append(node.value)
    return "\n".join(said)


SAID = said_by_the_code()
ROWS = re.findall(r"^\| (.+?) \| .+ \|$", DOCUMENT.partition("## What an error means")[2], re.MULTILINE)[2:]


@pytest.mark.parametrize("words", ROWS)
def test_every_error_that_is_explained_can_be_seen(words: str) -> None:
    for piece in filter(None, (piece.strip() for piece in re.split(r"\.\.\.|: |,", words))):
        # Any word of it may be a value that the message was given.
        pattern = " ".join(rf"(?:{re.escape(word)}|\0)" for word in piece.split())
        found = re.findall(pattern, SAID)
        assert any(re.search("[a-z]{2}|FAILED", one) for one in found), piece


COMMANDS = sorted(set(re.findall(r"(?:\$ |`)tinybayes ([a-z-]+)((?: --?[a-z-]+| [^`#\n|;&]+)*)", DOCUMENT)))


def test_every_command_and_option_exists(tinybayes: Command) -> None:
    assert len({command for command, _ in COMMANDS}) >= 8
    for command, rest in COMMANDS:
        shown = tinybayes(command, "--help")
        assert shown.status == 0, command
        for option in re.findall(r"(?<= )--[a-z-]+", rest):
            assert option in shown.out, (command, option)
