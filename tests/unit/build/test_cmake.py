import shutil

import pytest

from tinybayes.build.cmake import build_firmware, map_beside
from tinybayes.errors import LimitError, ToolError, UserError


def replace_in(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_builds_the_image_and_the_bare_image(toy_project):
    elf = build_firmware(toy_project, "toy")
    bench = build_firmware(toy_project, "toy", bench=True)
    assert (elf, bench) == (toy_project / "build/toy.elf", toy_project / "build/toy_bench.elf")
    assert elf.read_bytes()[:4] == bench.read_bytes()[:4] == b"\x7fELF"
    assert map_beside(bench).is_file()


def test_second_build_takes_up_what_changed(toy_project):
    before = build_firmware(toy_project, "toy").read_bytes()
    replace_in(toy_project / "network/toy_weights.c", "-128", "-127")
    assert build_firmware(toy_project, "toy").read_bytes() != before


def test_project_may_be_moved_after_a_build(toy_project, tmp_path):
    build_firmware(toy_project, "toy")
    moved = shutil.move(toy_project, tmp_path / "moved")
    assert build_firmware(moved, "toy") == moved / "build/toy.elf"


def test_directory_without_a_project_is_the_users_error(tmp_path):
    with pytest.raises(UserError, match=r"holds no CMakeLists\.txt"):
        build_firmware(tmp_path, "toy")
    assert not list(tmp_path.iterdir())


def test_image_that_does_not_fit_names_memory_and_bytes(toy_project):
    replace_in(toy_project / "CMakeLists.txt", "256K", "800")
    with pytest.raises(LimitError, match=r"does not fit the board: it overflows FLASH by \d+ bytes") as caught:
        build_firmware(toy_project, "toy")
    assert caught.value.exit_status == 1


def test_compiler_error_is_shown(toy_project):
    replace_in(toy_project / "network/toy.c", "int32_t sum = 0;", "int32_t sum = zero;")
    with pytest.raises(ToolError, match=r"error: 'zero' undeclared"):
        build_firmware(toy_project, "toy")


def test_wrong_name_is_said_so(toy_project):
    with pytest.raises(ToolError, match=r"left no .*build/other\.elf; is its network's name 'other'\?"):
        build_firmware(toy_project, "other")


@pytest.mark.parametrize("missing", ["arm-none-eabi-gcc", "cmake", "ninja"])
def test_missing_tool_is_said_so_before_anything_is_written(toy_project, monkeypatch, tmp_path, missing):
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in {"arm-none-eabi-gcc", "cmake", "ninja"} - {missing}:
        (tools / tool).symlink_to(shutil.which(tool))
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(ToolError, match=f"{missing} was not found on the PATH.*apt-get install"):
        build_firmware(toy_project, "toy")
    assert not (toy_project / "build").exists()
