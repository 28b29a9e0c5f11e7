"""Which weights share a group."""

import pytest
import torch
from torch import nn

from tinybayes.bayes import Blocks, NormalJeffreys, by_input, by_output, extract, sparsify


def test_inputs_and_outputs_of_a_matrix_and_a_kernel():
    assert by_output(torch.zeros(2, 3)).tolist() == [[0, 0, 0], [1, 1, 1]]
    assert by_input(torch.zeros(2, 3)).tolist() == [[0, 1, 2], [0, 1, 2]]
    kernel = torch.zeros(2, 3, 2, 2)
    assert by_output(kernel)[1].unique().tolist() == [1]
    assert by_input(kernel)[:, 2].unique().tolist() == [2]


def test_a_grouped_convolution_reads_the_inputs_of_its_own_group():
    assert by_input(torch.zeros(4, 3, 1), 2)[:, :, 0].tolist() == [[0, 1, 2], [0, 1, 2], [3, 4, 5], [3, 4, 5]]
    depthwise = by_input(torch.zeros(3, 1, 3, 3), 3)
    assert depthwise[:, 0, 0, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize(("kind", "gates"), [(nn.GRU, 3), (nn.LSTM, 4)])
def test_a_hidden_neuron_is_one_group_over_its_gates(kind, gates):
    assert by_output(torch.zeros(3 * 2, 1), 1, 3).flatten().tolist() == [0, 1, 0, 1, 0, 1]
    module = sparsify(kind(3, 4), NormalJeffreys(by_output))
    for name in ("weight_ih_l0", "weight_hh_l0"):
        posterior = module.posterior(name)
        assert posterior.scale_mean.shape == (4,)
        with torch.no_grad():
            posterior.scale_mean[2] = 0.0  # this neuron's scale is all noise
        dead = extract(module)[name].mask.reshape(gates, 4, -1) == 0
        assert dead[:, 2].all() and not dead[:, [0, 1, 3]].any()


def test_the_projection_of_an_lstm_has_no_gates():
    module = sparsify(nn.LSTM(3, 4, proj_size=2), NormalJeffreys(by_output))
    assert {name: len(module.posterior(name).scale_mean) for name in module.posteriors} == {
        "weight_ih_l0": 4,
        "weight_hh_l0": 4,
        "weight_hr_l0": 2,
    }
    assert sparsify(nn.LSTM(3, 4), NormalJeffreys(by_input)).posterior("weight_hh_l0").scale_mean.shape == (4,)


def test_blocks_of_a_matrix_with_ragged_edges():
    group = Blocks(2, 4)(torch.zeros(3, 6))
    assert group.tolist() == [[0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 1, 1], [2, 2, 2, 2, 3, 3]]


def test_blocks_follow_the_order_in_which_kernels_are_stored():
    group = Blocks(1, 4)(torch.zeros(1, 3, 2, 2))  # 2 kernel rows of (2 columns x 3 channels)
    stored = group.permute(0, 2, 3, 1).reshape(2, 6)
    assert stored.tolist() == [[0, 0, 0, 0, 1, 1], [2, 2, 2, 2, 3, 3]]


def test_no_block_spans_two_convolution_groups():
    group = Blocks(4, 1)(torch.zeros(6, 1, 1), 2)
    assert group.flatten().tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("shape", [(5, 7), (4, 3, 5), (4, 2, 3, 3)])
@pytest.mark.parametrize("grouping", [by_input, by_output, Blocks(1, 4), Blocks(4, 1), Blocks(1, 16)])
def test_groups_are_numbered_without_holes(grouping, shape):
    group = grouping(torch.zeros(shape), 1)
    assert group.shape == shape
    assert group.unique().tolist() == list(range(int(group.max()) + 1))


def test_a_block_without_rows_is_refused():
    with pytest.raises(ValueError, match="at least one row and one column, got 0 x 4"):
        Blocks(0, 4)
