"""Which weights share a group."""

import pytest
import torch

from tinybayes.bayes import Blocks, by_input, by_output


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
