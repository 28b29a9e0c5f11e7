import os
import time

import pytest

from tinybayes.build import cmake, host_compiler
from tinybayes.build.cmake import build_firmware, library_objects
from tinybayes.build.disassembly import disassemble
from tinybayes.build.program import Outcome, run_program
from tinybayes.errors import ToolError


def test_both_streams_and_the_status_are_kept():
    done = run_program(["sh", "-c", "echo out; echo err >&2; printf '\\377'; exit 3"], 10)
    assert done == Outcome(3, "out\nerr\n\ufffd")
    assert done.last(3) == "r\n\ufffd"


def test_program_that_takes_too_long_is_stopped_with_all_that_it_started(tmp_path):
    beat = tmp_path / "beat"
    script = f"(while :; do echo >> '{beat}'; sleep 0.05; done) & echo words; wait"
    started = time.monotonic()
    assert run_program(["sh", "-c", script], 0.5) == Outcome(None, "words\n")
    assert time.monotonic() - started < 20
    beats = beat.stat().st_size
    time.sleep(0.5)
    assert beat.stat().st_size == beats > 0


def test_program_that_is_missing_is_said_so(tmp_path):
    with pytest.raises(ToolError, match=r"absent does not run: .*No such file"):
        run_program([tmp_path / "absent"], 1)


def fake_tool(directory, name, script):
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A directory for programs that come before all others."""
    directory = tmp_path / "tools"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    return directory


def test_build_that_takes_too_long_is_stopped(toy_project, tools, monkeypatch):
    monkeypatch.setattr(cmake, "_BUILD_SECONDS", 0.3)
    fake_tool(tools, "cmake", "exec sleep 60")
    with pytest.raises(ToolError, match=r"configuring .* took more than 0 s and was stopped"):
        build_firmware(toy_project, "toy")


def test_host_compiler_that_takes_too_long_is_stopped(tmp_path, tools, monkeypatch):
    monkeypatch.setattr(host_compiler, "_COMPILE_SECONDS", 0.3)
    fake_tool(tools, "gcc", "exec sleep 60")
    (tmp_path / "a.c").write_text("int a;\n")
    with pytest.raises(ToolError, match=r"compiling a\.so for the host took more than 0 s"):
        host_compiler.compile_for_host([tmp_path / "a.c"], tmp_path / "a.so")


def test_binutils_that_are_missing_beside_the_compiler_are_said_so(toy_elf, tools):
    fake_tool(tools, "arm-none-eabi-gcc", "exit 0")
    with pytest.raises(ToolError, match=r"arm-none-eabi-objdump does not run: .*No such file"):
        disassemble(toy_elf)
    with pytest.raises(ToolError, match=r"arm-none-eabi-ar does not run: .*No such file"):
        library_objects(toy_elf.with_suffix(".a"))


def test_archive_that_is_none_is_said_so(tmp_path):
    (tmp_path / "libnone.a").write_text("no archive")
    with pytest.raises(ToolError, match=r"could not list .*libnone\.a: .*not recognized"):
        library_objects(tmp_path / "libnone.a")
