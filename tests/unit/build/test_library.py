"""The library for a core alone: what is built, what is measured, and what it cannot do."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.golden.networks import padded_series, three_formats
from tinybayes.boards import CORES, load_target
from tinybayes.build.cmake import library_objects
from tinybayes.build.library import measure_library
from tinybayes.deployment import Deployment
from tinybayes.errors import InternalError, LimitError, ToolError, UnsupportedError
from tinybayes.pipeline import compile_network


def compiled(core: str, out: Path, **options) -> Deployment:
    return compile_network(padded_series(), load_target(core), out, objective="flash", **options)


@pytest.fixture(scope="module", params=sorted(CORES))
def built(request, tmp_path_factory) -> Deployment:
    deployment = compiled(request.param, tmp_path_factory.mktemp(request.param) / "out", name="series")
    assert deployment.build() == deployment.directory.resolve() / "build/libseries.a"
    return deployment


def test_there_is_a_library_and_no_firmware(built):
    names = {path.name for path in built.directory.iterdir()}
    assert names == {
        ".tinybayes",
        "CMakeLists.txt",
        "build",
        "network",
        "network.tbn",
        "report.json",
        "toolchain.cmake",
    }
    members = subprocess.run(
        ["arm-none-eabi-ar", "t", built.directory / "build/libseries.a"], capture_output=True, text=True, check=True
    )
    assert sorted(members.stdout.split()) == ["series.c.obj", "series_weights.c.obj"]


def test_sizes_are_those_of_the_objects(built):
    listed = subprocess.run(
        ["arm-none-eabi-size", "-t", built.directory / "build/libseries.a"], capture_output=True, text=True, check=True
    )
    text_bytes, data_bytes, bss_bytes = (int(n) for n in listed.stdout.splitlines()[-1].split()[:3])
    flash = built.record["flash"]
    assert (data_bytes, bss_bytes) == (0, 0)
    # Between two sections the linker may put what aligns the second.
    assert 0 <= flash["weights_bytes"] + flash["code_bytes"] - text_bytes <= 3 * len(flash["parts"])
    assert sum(part["bytes"] for part in flash["parts"]) == flash["weights_bytes"] + flash["code_bytes"]
    assert all(layer["code_bytes"] > 0 for layer in built.record["layers"])


def test_objects_are_compiled_for_the_core(built):
    attributes = subprocess.run(
        ["arm-none-eabi-readelf", "-A", *library_objects(built.directory / "build/libseries.a")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    architecture = CORES[built.board.core].architecture
    tag = {"armv6-m": "v6S-M", "armv7-m": "v7", "armv7e-m": "v7E-M", "armv8-m.main": "v8-M.mainline"}
    assert f"Tag_CPU_arch: {tag.get(architecture, 'v8.1-M.mainline')}" in attributes
    assert ("Tag_FP_arch" in attributes) == (CORES[built.board.core].fpu != "none")


def test_what_belongs_to_an_image_is_null(built):
    flash, ram = built.record["flash"], built.record["ram"]
    assert flash["other_bytes"] is flash["image_bytes"] is None
    assert ram["static_bytes"] is ram["stack_bytes"] is ram["total_bytes"] is None
    assert built.record["board"]["clock_hz"] is None
    assert built.record["protocol"] == "none"
    assert 16 <= ram["network_stack_bytes"] <= 512


def test_directory_opens_again_and_makes_a_report(built):
    page = Deployment.open(built.directory).report().read_text()
    assert f"{built.board.core}, library only" in page
    assert f'<span class="word">--board</span> <span class="word">{built.board.core}</span>' in page
    assert "host,qemu" not in page


def test_library_is_verified_on_the_host(tmp_path):
    verdicts = compiled("cortex-m0", tmp_path / "out").verify(("host",))
    assert verdicts["host"].mismatches == 0


def test_qemu_is_refused_with_the_board_to_compile_for(tmp_path):
    deployment = compiled("cortex-m4", tmp_path / "out")
    with pytest.raises(
        UnsupportedError, match=r"holds a library for cortex-m4, which runs on host only; compile for mps2-an386"
    ):
        deployment.verify(("host", "qemu"))
    with pytest.raises(UnsupportedError, match="holds a library for cortex-m4"):
        deployment.run(np.zeros((1, 2, 8), np.float32), on="/dev/ttyACM0")
    with pytest.raises(UnsupportedError, match="holds a library for cortex-m4"):
        deployment.measure_latency()


def test_a_protocol_is_refused(tmp_path):
    with pytest.raises(UnsupportedError, match="--protocol: got 'frames', but cortex-m3 is a core without a board"):
        compiled("cortex-m3", tmp_path / "out", protocol="frames")
    assert not (tmp_path / "out").exists()
    assert compiled("cortex-m3", tmp_path / "out", protocol="none").record["protocol"] == "none"


def test_limits_hold_for_constants_and_code_together(tmp_path):
    with pytest.raises(
        LimitError,
        match=r"smallest image that was found takes \d+ bytes of flash, \d+ more than the 150 of --max-flash",
    ) as caught:
        compiled("cortex-m4", tmp_path / "out", max_flash_bytes=150)
    assert "--protocol" not in str(caught.value)
    least = int(re.search(r"takes (\d+) bytes", str(caught.value))[1])
    compiled("cortex-m4", tmp_path / "out", max_flash_bytes=least).build()


def test_limits_that_compile_could_not_check_are_checked_by_the_build(tmp_path):
    deployment = compiled("cortex-m4", tmp_path / "out")
    deployment.record["limits"]["flash_bytes"] = 150
    with pytest.raises(LimitError, match=r"takes \d+ bytes of flash, \d+ more than the 150 of --max-flash"):
        deployment.build()


def test_variables_in_the_network_are_our_bug(tmp_path):
    deployment = compiled("cortex-m4", tmp_path / "out")
    source = deployment.directory / "network/network.c"
    source.write_text(source.read_text() + "extern int32_t spare;\nint32_t spare;\n")
    with pytest.raises(InternalError, match=r"network\.c\.obj has 4 bytes of variables in section \.bss\.spare"):
        deployment.build()


def test_compiling_for_a_core_replaces_the_firmware_of_a_board(tmp_path):
    compile_network(three_formats(), load_target("mps2-an386"), tmp_path / "out").build()
    deployment = compile_network(three_formats(), load_target("cortex-m0"), tmp_path / "out")
    archive = deployment.build()
    assert not (tmp_path / "out/firmware/startup.c").exists()
    assert {path.name for path in library_objects(archive)} == {"network.c.obj", "network_weights.c.obj"}
    compile_network(three_formats(), load_target("mps2-an386"), tmp_path / "out").build()


def test_library_builds_inside_of_another_project(tmp_path):
    deployment = compiled("cortex-m4", tmp_path / "app" / "net", name="series")
    (tmp_path / "app/main.c").write_text('#include "series.h"\nint main(void) { return SERIES_OUTPUT_LEN; }\n')
    (tmp_path / "app/CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(app LANGUAGES C ASM)\nadd_subdirectory(net)\n"
        "add_library(app STATIC main.c)\ntarget_link_libraries(app PRIVATE series)\n"
    )
    toolchain = deployment.directory / "toolchain.cmake"
    for command in (
        ["cmake", "-S", tmp_path / "app", "-B", tmp_path / "b", "-G", "Ninja", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}"],
        ["cmake", "--build", tmp_path / "b"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "b/net/libseries.a").is_file()


def test_objects_that_do_not_link_are_said_so(tmp_path):
    (tmp_path / "broken.o").write_text("no object")
    with pytest.raises(ToolError, match=r"could not be linked to measure it:\n(.|\n)*broken\.o"):
        measure_library([tmp_path / "broken.o"], "run", ["-mcpu=cortex-m4", "-mthumb"])
