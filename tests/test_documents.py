"""What the documents promise is there: commands, options, targets of make, files."""

import re
from pathlib import Path

import pytest
import typer

from tinybayes.boards import list_boards, load_board
from tinybayes.cli.app import app

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
IDS = [str(path.relative_to(ROOT)) for path in DOCUMENTS]


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)#]+)\)", document.read_text()):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_files_that_are_named_with_their_directory_exist(document: Path) -> None:
    text = document.read_text()
    roots = "tinybayes|firmware|templates|boards|tests|scripts|docs"
    named = re.findall(rf"(?:^|[\s`(])((?:{roots})/[\w./-]*\w\.(?:py|c|h|j2|toml|md|sh))\b", text, re.MULTILINE)
    for path in named:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_commands_and_options_exist(document: Path) -> None:
    commands = typer.main.get_command(app).commands
    shell = "\n".join(re.findall(r"^```sh\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL))
    for line in re.findall(r"^tinybayes (.+)$", shell, re.MULTILINE):
        name, *words = line.split("#")[0].split()
        assert name in commands, line
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known | {"--help"}, line


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_targets_of_make_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"`make ([a-z]+)`|^make ([a-z]+)", document.read_text(), re.MULTILINE)
    assert {a or b for a, b in named} <= targets


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    directory = ROOT / "docs" / "decisions"
    records = sorted(path.name for path in directory.glob("0*.md"))
    assert [name[:4] for name in records] == [f"{k:04}" for k in range(1, len(records) + 1)]
    listing = (directory / "README.md").read_text()
    for name in records:
        assert f"({name})" in listing
        text = (directory / name).read_text()
        assert text.startswith(f"# {name[:4]}: ")
        assert [line for line in text.splitlines() if line.startswith("## ")] == [
            "## Context",
            "## Decision",
            "## Consequences",
        ]


@pytest.mark.parametrize("name", [name for name in list_boards() if not load_board(name).emulated])
def test_every_real_board_has_a_row_with_its_figures(name: str) -> None:
    board = load_board(name)
    rows = re.findall(rf"^\| `{name}` \|.*$", (ROOT / "docs" / "boards.md").read_text(), re.MULTILINE)
    assert len(rows) == 1
    figures = [cell.strip() for cell in rows[0].split("|")]
    core = board.core.replace("cortex-m", "Cortex-M").replace("0plus", "0+")
    core += "F" if board.core == "cortex-m4" and board.chip.fpu != "none" else ""
    assert figures[2] == f"{core}, {board.clock_hz // 1_000_000} MHz"
    assert figures[4] == f"{board.flash.size_bytes // 1024} KB, {board.ram.size_bytes // 1024} KB"
    assert board.uart.baud == 115200
