import pytest
import torch

from tests.unit.frontend.modules import MODULES, imported


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(params=sorted(MODULES))
def network(request):
    """(torch module, float graph, sample shape) for a network of every kind."""
    return imported(request.param)
