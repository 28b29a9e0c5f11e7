import pytest

from tinybayes.errors import ToolError
from tinybayes.timing.emulate import Marks, trace_in_qemu
from tinybayes.timing.plugin import plugin_library
from tinybayes.timing.program import Program


def test_plugin_is_compiled_once_and_kept_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    library = plugin_library()
    assert library.parent == tmp_path / "tinybayes/qemu-plugin"
    assert [p.name for p in library.parent.iterdir()] == [library.name]
    written = library.stat().st_mtime_ns
    monkeypatch.setenv("PATH", "")
    assert plugin_library() == library
    assert library.stat().st_mtime_ns == written


def test_without_a_compiler_the_error_says_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolError, match=r"gcc was not found on the PATH.*apt-get install -y gcc libc6-dev"):
        plugin_library()


@pytest.mark.emulated
def test_cache_directory_may_have_any_name(monkeypatch, tmp_path, toy_elf):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a,b =c"))
    marks = Marks("toy_run", {}, caller="reset_handler")
    trace = trace_in_qemu(toy_elf, Program.load(toy_elf, "cortex-m4"), "mps2-an386", marks)
    assert trace.instructions > 0
