import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tinybayes.build.toolchain import doctor, require
from tinybayes.errors import ToolError

REPOSITORY = Path(__file__).parents[3]


def fake_tool(directory: Path, name: str, script: str) -> Path:
    tool = directory / name
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    return tool


def test_missing_tool_is_an_error_that_gives_the_command_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError) as caught:
        require("arm-none-eabi-gcc")
    assert str(caught.value) == (
        "arm-none-eabi-gcc was not found on the PATH; it is needed for building firmware. "
        "Install it with: sudo apt-get install -y gcc-arm-none-eabi libnewlib-arm-none-eabi"
    )
    assert caught.value.exit_status == 3


def test_any_of_a_tools_names_will_do(monkeypatch, tmp_path):
    cc = fake_tool(tmp_path, "cc", "echo cc 9.1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert require("gcc") == cc


def test_doctor_lists_every_tool_even_if_all_are_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    programs = [row for row in doctor() if "apt-get" in row.install_command]
    assert [row.name for row in programs] == [
        "arm-none-eabi-gcc",
        "cmake",
        "ninja",
        "qemu-system-arm",
        "gcc",
        "llvm-objdump",
        "openocd",
        "npm",
        "clang-format",
        "clang",
        "chromium",
    ]
    assert not any(row.found or row.path or row.version for row in programs)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("arm-none-eabi-gcc (15:12.2.rel1-1) 12.2.1 20221205", "12.2.1"),
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)", "7.2.22"),
        ("nothing with digits", None),
    ],
)
def test_version_is_the_programs_and_not_its_packages(monkeypatch, tmp_path, said, version):
    fake_tool(tmp_path, "arm-none-eabi-gcc", f"echo '{said}'")
    monkeypatch.setenv("PATH", str(tmp_path))
    row = next(row for row in doctor() if row.name == "arm-none-eabi-gcc")
    assert (row.version, row.found, row.problem) == (version, True, None)


def test_tool_that_does_not_work_is_not_found_and_the_reason_is_given(monkeypatch, tmp_path):
    fake_tool(tmp_path, "ninja", "exit 4")
    fake_tool(tmp_path, "cmake", "echo cmake version 3.9.6")
    monkeypatch.setenv("PATH", str(tmp_path))
    rows = {row.name: row for row in doctor()}
    assert not rows["ninja"].found
    assert rows["ninja"].problem == f"'{tmp_path}/ninja --version' stopped with status 4"
    assert not rows["cmake"].found
    assert rows["cmake"].problem == "version 3.9.6 is too old; 3.20 or newer is wanted"


def test_packages_are_those_that_the_project_declares():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    declared = {
        *project["dependencies"],
        *project["optional-dependencies"]["train"],
        *project["optional-dependencies"]["probes"],
    }
    installed_by = [row.install_command for row in doctor() if "-m pip install" in row.install_command]
    assert {re.search(r"'(.+?)'", command).group(1) for command in installed_by} == declared


def test_doctor_imports_no_torch():
    script = "import sys; from tinybayes.build.toolchain import doctor; doctor(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=REPOSITORY)
