import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest

from tinybayes.errors import InternalError, ToolError, UserError
from tinybayes.run.host import HostRunner, run_sanitized
from tinybayes.run.runner import Runner

TOY_NETWORK = Path(__file__).parents[1] / "build/toy_project/network"
WEIGHTS_1 = np.array(
    [3, -1, 4, -1, 5, -9, 2, -6, 5, -3, 5, -8, 9, -7, 9, -3, 2, -3, 8, -4, 6, -2, 6, -4, 3, -3, 8, -3, 2, -7, 9, -5, 1]
)
WEIGHTS_2 = np.zeros((5, 32), int)
WEIGHTS_2.flat[[0, 1, 2, 40, 70, 100, 159]] = [1, 2, 3, 7, -5, 11, -128]
BIAS_2 = np.array([100, -200, 300, -400, 500])


def toy_tensors(values):
    """What each step of the toy leaves, in numpy."""
    turned = values[::-1].astype(int)
    smoothed = np.array([WEIGHTS_1 @ turned[i : i + 33] >> 6 for i in range(32)]).astype(np.int8)
    output = (BIAS_2 + WEIGHTS_2 @ smoothed.astype(int)) >> 7
    return [turned.astype(np.int8), smoothed, output.astype(np.int8)]


@pytest.fixture
def inputs():
    rows = np.random.default_rng(7).integers(-128, 128, (70, 96), np.int8)
    rows[0], rows[1] = -128, 127
    return rows


@pytest.fixture
def network(tmp_path):
    """A copy of the toy network that a test may change."""
    return shutil.copytree(TOY_NETWORK, tmp_path / "network")


def replace_in(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_outputs_and_checksums_are_those_of_the_definition(inputs):
    runner: Runner = HostRunner(TOY_NETWORK, "toy")
    with runner:
        result = runner.run(inputs)
    expected = [toy_tensors(row) for row in inputs]
    assert result.outputs.dtype == np.int8
    assert result.tensor_crcs.dtype == np.uint32
    np.testing.assert_array_equal(result.outputs, [tensors[-1] for tensors in expected])
    np.testing.assert_array_equal(
        result.tensor_crcs, [[zlib.crc32(tensor.tobytes()) for tensor in tensors] for tensors in expected]
    )


@pytest.mark.parametrize("step", [0, 1, 2])
def test_tensor_holds_the_bytes_of_its_step(inputs, step):
    with HostRunner(TOY_NETWORK, "toy") as runner:
        tensor = runner.tensor(inputs[5], step)
        runner.tensor(inputs[6], 2)
    assert tensor.dtype == np.uint8
    assert tensor.tobytes() == toy_tensors(inputs[5])[step].tobytes()


def test_progress_ends_with_all_samples(inputs):
    seen = []
    with HostRunner(TOY_NETWORK, "toy") as runner:
        runner.run(inputs, seen.append)
    assert seen == [64, 70]


def test_no_inputs_give_no_outputs():
    with HostRunner(TOY_NETWORK, "toy") as runner:
        result = runner.run(np.zeros((0, 96), np.int8))
    assert (result.outputs.shape, result.tensor_crcs.shape) == ((0, 5), (0, 3))


def test_inputs_may_be_a_strided_view(inputs):
    wide = np.repeat(inputs, 2, axis=1)[:, ::2]
    with HostRunner(TOY_NETWORK, "toy") as runner:
        np.testing.assert_array_equal(runner.run(wide).outputs, runner.run(inputs).outputs)


@pytest.mark.parametrize("wrong", [np.zeros((2, 95), np.int8), np.zeros((2, 96), np.uint8), np.zeros(96, np.int8)])
def test_inputs_of_another_shape_or_type_are_refused(wrong):
    with HostRunner(TOY_NETWORK, "toy") as runner, pytest.raises(UserError, match=r"wanted int8 \(n, 96\)"):
        runner.run(wrong)


def test_two_networks_of_one_name_live_side_by_side(network, inputs):
    replace_in(network / "toy_weights.c", "{100, -200, 300, -400, 500}", "{0, 0, 0, 0, 0}")
    with HostRunner(TOY_NETWORK, "toy") as first, HostRunner(network, "toy") as second:
        first_outputs, second_outputs = first.run(inputs).outputs, second.run(inputs).outputs
    assert (first_outputs != second_outputs).any()
    np.testing.assert_array_equal(first_outputs, [toy_tensors(row)[-1] for row in inputs])


def test_closed_runner_says_so(inputs):
    runner = HostRunner(TOY_NETWORK, "toy")
    runner.close()
    runner.close()
    with pytest.raises(InternalError, match="closed"):
        runner.run(inputs)


def test_tensor_outside_of_the_arena_is_our_bug(network):
    replace_in(network / "toy.c", "{TOY_INPUT_LEN, 32}", "{TOY_INPUT_LEN, 33}")
    with pytest.raises(InternalError, match="step 1: the tensor at 96 with 33 bytes is not within the arena's 128"):
        HostRunner(network, "toy")


def test_code_with_a_warning_is_refused(network):
    replace_in(network / "toy.c", "int32_t sum = 0;", "int32_t sum = 0, unused;")
    with pytest.raises(ToolError, match="-Werror=unused-variable"):
        HostRunner(network, "toy")


@pytest.mark.parametrize("name", ["other", "../toy", "toy;", ""])
def test_library_that_is_not_there_is_the_users_error(name):
    with pytest.raises(UserError):
        HostRunner(TOY_NETWORK, name)


def test_sanitized_outputs_are_the_same(inputs):
    np.testing.assert_array_equal(run_sanitized(TOY_NETWORK, "toy", inputs), [toy_tensors(row)[-1] for row in inputs])


@pytest.mark.parametrize(
    ("correct", "faulty", "complaint"),
    [
        ("[TOY_INPUT_LEN - 1u - i]", "[TOY_INPUT_LEN - i]", "heap-buffer-overflow"),
        ("k < TOY_OUTPUT_LEN;", "k <= TOY_OUTPUT_LEN;", "(global|heap)-buffer-overflow|out of bounds"),
        ("+ TOY_INPUT_LEN, 32u)", "+ TOY_INPUT_LEN, 33u)", "heap-buffer-overflow"),
        ("int32_t sum = 0;", "int32_t sum = 0x7FFFFFFF;", "signed integer overflow"),
        ("arena + i, 33u)", "arena + i + 64, 33u)", "outputs of run and of the steps differ, or depend on"),
        ("toy_step_0(input, (int8_t *)arena);", "((int8_t *)(uintptr_t)input)[3] ^= 1;", "wrote to its input"),
    ],
)
def test_sanitized_run_notices(network, inputs, correct, faulty, complaint):
    replace_in(network / "toy.c", correct, faulty)
    with pytest.raises(InternalError, match=rf"the sanitized toy stopped with status (.|\n)*({complaint})"):
        run_sanitized(network, "toy", inputs)
