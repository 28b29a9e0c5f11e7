import functools

import pytest
import torch

from tests.unit.frontend.modules import MODULES, build
from tinybayes.frontend import import_module


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@functools.cache
def imported(name):
    module, shape = build(name)
    return module, import_module(module, torch.zeros(1, *shape)), shape


@pytest.fixture(params=sorted(MODULES))
def network(request):
    """(torch module, float graph, sample shape) for a network of every kind."""
    return imported(request.param)
