"""Whole directories as they are generated, so that a reviewer sees what a change of templates or kernels does.

Files that are copied as they are written by hand are not kept a second time: ``FILES`` lists them, and a test compares
them with their source.
"""

import pytest

from tests.golden.conftest import CheckGolden, difference
from tests.golden.networks import NETWORKS
from tinybayes.assets import asset_directory
from tinybayes.boards import load_board
from tinybayes.emit.firmware import firmware_files
from tinybayes.emit.network import network_files
from tinybayes.plan import Plan, make_plan
from tinybayes.report.record import compiled, record_text

BOARD = load_board("mps2-an386")
WITH_FIRMWARE = "three_formats"


PINNED = {"three_formats": {"hidden.0": "huffman", "hidden.1": "dense", "output": "index"}}


def plan_of(name: str) -> Plan:
    return make_plan(NETWORKS[name](), "latency" if name == "straight_line" else "flash", formats=PINNED.get(name))


def project_files(name: str) -> dict[str, str]:
    """What ``compile`` writes for a network, but for the .tbn file."""
    plan = plan_of(name)
    files = network_files(plan, name)
    if name == WITH_FIRMWARE:
        files |= firmware_files(BOARD, network_name=name, network_digest=bytes(range(16)), protocol="frames")
        files["report.json"] = record_text(compiled(plan, BOARD, name=name, protocol="frames"))
    return files


def hand_written(files: dict[str, str]) -> dict[str, str]:
    """Of ``files``, those with a namesake among the hand-written ones: path -> path within ``firmware/``."""
    source = asset_directory("firmware")
    names = {path: path.replace("network/", "runtime/").removeprefix("firmware/") for path in files}
    return {path: name for path, name in names.items() if (source / name).is_file()}


@pytest.mark.parametrize("name", NETWORKS)
def test_generated_directory(name: str, golden: CheckGolden) -> None:
    files = project_files(name)
    copies = hand_written(files)
    listing = "".join(f"{path}{' (as written by hand)' if path in copies else ''}\n" for path in sorted(files))
    golden(name, {"FILES": listing, **{path: text for path, text in files.items() if path not in copies}})


@pytest.mark.parametrize("name", NETWORKS)
def test_hand_written_files_are_copied_byte_for_byte(name: str) -> None:
    files = project_files(name)
    source = asset_directory("firmware")
    for path, original in hand_written(files).items():
        assert files[path].encode() == (source / original).read_bytes(), path


def test_the_networks_show_every_format_and_kernel_without_weights() -> None:
    kernels = {step.kernel for name in NETWORKS for step in plan_of(name).steps}
    assert {"linear_huffman", "linear_dense", "linear_index", "max_pool", "select", "pad"} <= kernels
    assert any(kernel.startswith("conv_") for kernel in kernels)
    assert [step.format for step in plan_of("three_formats").steps] == ["huffman", "dense", "index"]


def test_a_missing_directory_and_every_kind_of_difference_are_told(tmp_path) -> None:
    assert difference(tmp_path / "none", {"a": ""}) == "the golden directory is missing"
    (tmp_path / "old").write_text("x\n")
    (tmp_path / "same").write_text("same\n")
    (tmp_path / "changed").write_text("one\ntwo\n")
    told = difference(tmp_path, {"new": "", "same": "same\n", "changed": "one\nthree\n"})
    assert "old: only in the golden directory" in told
    assert "new: missing in the golden directory" in told
    assert "-two" in told and "+three" in told
    assert "same" not in told


def test_a_missing_golden_fails_with_the_command_that_writes_it(golden: CheckGolden, request) -> None:
    if request.config.getoption("--update-golden"):
        return
    with pytest.raises(pytest.fail.Exception, match=r"the golden directory is missing\n.*`make golden`"):
        golden("no_such_network", {"a": ""})
