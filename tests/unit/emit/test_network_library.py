"""The library in network/: what an outsider may rely on when it is dropped into a project of their own."""

import re
import shutil
import subprocess
from pathlib import Path

import cffi
import numpy as np
import pytest

from tests.golden.networks import NETWORKS, padded_series, three_formats
from tests.networks import Builder
from tinybayes.boards.cores import CORES
from tinybayes.build.host_compiler import C_WARNINGS, compile_for_host
from tinybayes.emit.directory import write_files
from tinybayes.emit.network import network_files
from tinybayes.ir import Graph
from tinybayes.plan import make_plan
from tinybayes.reference import quantize_input

# Headers that C11 (4p6) gives to programs without a hosted library.
FREESTANDING = {"float.h", "iso646.h", "limits.h", "stdalign.h", "stdarg.h", "stdbool.h"}
FREESTANDING |= {"stddef.h", "stdint.h", "stdnoreturn.h"}


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with one library for each golden network."""
    made = tmp_path_factory.mktemp("libraries")
    for name, graph in NETWORKS.items():
        write_files(made / name, network_files(make_plan(graph(), "flash"), name))
    return made


def sources(libraries: Path) -> list[Path]:
    return sorted(libraries.glob("*/network/*.c"))


@pytest.mark.parametrize("core", CORES.values(), ids=CORES)
def test_every_core_compiles_it_without_a_warning_data_or_bss(core, libraries: Path, tmp_path: Path) -> None:
    includes = [f"-I{libraries / name / 'network'}" for name in NETWORKS]
    command = [
        "arm-none-eabi-gcc",
        "-std=c11",
        "-O2",
        *core.gcc_flags,
        *C_WARNINGS,
        *includes,
        "-c",
        *sources(libraries),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    objects = sorted(tmp_path.glob("*.o"))
    assert len(objects) == 2 * len(NETWORKS)
    sizes = subprocess.run(["arm-none-eabi-size", *objects], capture_output=True, text=True, check=True).stdout
    for line in sizes.splitlines()[1:]:
        _text, data, bss = line.split()[:3]
        assert (data, bss) == ("0", "0"), line


def test_only_freestanding_headers_are_included(libraries: Path) -> None:
    files = [path for path in libraries.glob("*/network/*") if path.suffix in (".c", ".h")]
    included = {header for path in files for header in re.findall(r"#include <([^>]+)>", path.read_text())}
    assert included <= FREESTANDING
    for path in files:
        for header in re.findall(r'#include "([^"]+)"', path.read_text()):
            assert (path.parent / header).is_file(), (path, header)


def test_it_compiles_where_there_is_no_c_library_at_all(libraries: Path, tmp_path: Path) -> None:
    own = subprocess.run(["gcc", "-print-file-name=include"], capture_output=True, text=True, check=True).stdout.strip()
    for name in NETWORKS:
        network = libraries / name / "network"
        options = ["-ffreestanding", "-nostdinc", "-isystem", own, "-r", "-nostdlib"]
        compile_for_host(network.glob("*.c"), tmp_path / f"{name}.o", options=options, include=[network])


@pytest.mark.parametrize("extra", [[], ["-DTHREE_FORMATS_TRACE", "-DTHREE_FORMATS_QUANTIZE"]])
def test_the_header_is_good_cpp(extra: list[str], libraries: Path, tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    user = tmp_path / "user.cpp"
    user.write_text(
        '#include "three_formats.h"\n'
        'static_assert(THREE_FORMATS_INPUT_LEN == 16 && THREE_FORMATS_OUTPUT_LEN == 3, "");\n'
        'static_assert(THREE_FORMATS_ARENA_BYTES == 10, "");\n'
        "static_assert(THREE_FORMATS_INPUT_SCALE == 0.05f && THREE_FORMATS_OUTPUT_ZERO_POINT == 0, \"\");\n"
        "int main() {\n"
        "    alignas(16) static unsigned char arena[THREE_FORMATS_ARENA_BYTES];\n"
        "    static const int8_t input[THREE_FORMATS_INPUT_LEN] = {};\n"
        "    int8_t output[THREE_FORMATS_OUTPUT_LEN];\n"
        "    three_formats_run(input, output, arena);\n"
        "    return output[0] & 1;\n"
        "}\n"
    )  # fmt: skip
    network = libraries / "three_formats" / "network"
    command = ["g++", "-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", *extra, f"-I{network}", "-c", user]
    done = subprocess.run([*command, "-o", tmp_path / "user.o"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with_c = [*(["gcc", "-std=c11", *extra, f"-I{network}", "-c"]), *network.glob("*.c")]
    subprocess.run(with_c, cwd=tmp_path, check=True)
    linked = subprocess.run(["g++", *tmp_path.glob("*.o"), "-o", tmp_path / "user"], capture_output=True, check=False)
    assert linked.returncode == 0, linked.stderr


def test_the_header_says_what_the_plan_says(libraries: Path) -> None:
    for name, graph in NETWORKS.items():
        text = (libraries / name / "network" / f"{name}.h").read_text()
        plan = make_plan(graph(), "flash")
        defined = dict(re.findall(r"#define (\w+) (\S+)\n", text))
        upper = name.upper()
        assert defined[f"{upper}_INPUT_LEN"] == str(plan.graph.input_tensor.elements)
        assert defined[f"{upper}_ARENA_BYTES"] == str(plan.arena_bytes)
        assert defined[f"{upper}_STEPS"] == str(len(plan.steps))
        assert f"{plan.weights_bytes} bytes of constants" in text


def quantize_on_host(graph: Graph, name: str, real: np.ndarray, work: Path) -> np.ndarray:
    """Codes from the generated helper for float32 (n, input_len), channels last."""
    write_files(work / "out", network_files(make_plan(graph), name))
    network = work / "out" / "network"
    library = work / f"{name}.so"
    options = ["-O2", "-fPIC", "-shared", f"-D{name.upper()}_QUANTIZE"]
    compile_for_host(sorted(network.glob("*.c")), library, options=options, include=[network])
    ffi = cffi.FFI()
    ffi.cdef(f"void {name}_quantize(const float *real, int8_t *codes);")
    loaded = ffi.dlopen(str(library))
    codes = np.zeros(real.shape, np.int8)
    for values, out in zip(real, codes, strict=True):
        getattr(loaded, f"{name}_quantize")(
            ffi.cast("const float *", ffi.from_buffer(values)), ffi.cast("int8_t *", ffi.from_buffer(out))
        )
    ffi.dlclose(loaded)
    return codes


def test_quantize_helper_agrees_with_the_reference_to_the_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    graph = padded_series()
    scale = np.float32(graph.input_tensor.scale)
    std = graph.input_scaling.std[:, None]
    ties = (rng.integers(-130, 130, (200, 2, 8)) + np.float32(0.5)) * scale * std + graph.input_scaling.mean[:, None]
    spread = rng.normal(0, 3, (200, 2, 8)) * std
    extremes = np.array([0, -0.0, 1e-38, -1e30, 1e30, 3.4e38, -3.4e38, 127.49], np.float32)
    x = np.concatenate([ties, spread, np.broadcast_to(extremes, (1, 2, 8))]).astype(np.float32)
    expected = quantize_input(graph, x)
    real = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    np.testing.assert_array_equal(quantize_on_host(graph, "padded_series", real, tmp_path), expected)
    assert len(np.unique(expected)) > 200


def test_quantize_helper_without_scaling(tmp_path: Path) -> None:
    graph = three_formats()
    halves = (np.arange(-150, 150) + 0.5)[:, None] * np.float32(graph.input_tensor.scale)
    x = np.repeat(halves, 16, axis=1).astype(np.float32)
    np.testing.assert_array_equal(quantize_on_host(graph, "three_formats", x, tmp_path), quantize_input(graph, x))


def test_quantize_helper_has_a_code_for_what_is_no_number(tmp_path: Path) -> None:
    x = np.tile(np.array([np.nan, -np.nan, np.inf, -np.inf], np.float32), 4)[np.newaxis]
    codes = quantize_on_host(three_formats(), "three_formats", x, tmp_path)
    assert codes.reshape(4, 4).tolist() == [[-128, -128, 127, -128]] * 4


@pytest.mark.parametrize(
    ("meaning", "kept"),
    [
        ("scores, then a variance", True),
        ("*/ #error", False),
        ("a\nb", False),
        ("\\", False),
        ("x" * 81, False),
        (3, False),
    ],
)
def test_a_networks_own_word_on_its_output_is_kept_where_it_can_stand_in_a_comment(meaning, kept) -> None:
    graph = Builder(np.random.default_rng(0), (8,)).linear(3).graph().with_facts(output_meaning=meaning)
    header = network_files(make_plan(graph), "network")["network/network.h"]
    assert ("@param output  codes of the result: scores, then a variance; written" in header) == kept
    assert kept or "@param output  codes of the result; written" in header
