"""Small float networks, built by hand."""

import numpy as np

from tinybayes.ir import AveragePool, BatchNorm, Conv, Flatten, Graph, Linear, MaxPool, Relu, Tensor, verify


class Chain:
    """Appends float operators to a chain; ``shape`` is channels last."""

    def __init__(self, shape, seed=0):
        self.rng = np.random.default_rng(seed)
        self.tensors = {"input": Tensor("input", shape)}
        self.nodes = []
        self.current = "input"

    def _add(self, kind, shape, name=None, **fields):
        name = name or f"{kind.op}{len(self.nodes)}"
        self.nodes.append(kind(name=name, inputs=(self.current,), output=name, **fields))
        self.tensors[name] = Tensor(name, shape)
        self.current = name
        return self

    @property
    def tensor(self):
        return self.tensors[self.current]

    def linear(self, outputs, weight=None, bias=None):
        shape = (outputs, 1, 1, self.tensor.elements)
        weight = self.rng.normal(size=shape) if weight is None else np.reshape(weight, shape)
        bias = self.rng.normal(size=outputs) if bias is None else np.asarray(bias)
        return self._add(
            Linear, (outputs,), weight=weight.astype(np.float32), bias=bias.astype(np.float32), dense_shape=shape
        )

    def conv(self, outputs, kernel, padding=(0, 0, 0, 0)):
        height, width, channels = self.tensor.hwc
        shape = (outputs, *kernel, channels)
        hwc = (height + sum(padding[:2]) - kernel[0] + 1, width + sum(padding[2:]) - kernel[1] + 1, outputs)
        weight = self.rng.normal(size=shape).astype(np.float32)
        bias = self.rng.normal(size=outputs).astype(np.float32)
        target = hwc[3 - len(self.tensor.shape) :]
        return self._add(Conv, target, weight=weight, bias=bias, dense_shape=shape, padding=padding)

    def relu(self):
        return self._add(Relu, self.tensor.shape)

    def batch_norm(self):
        channels = self.tensor.channels
        multiplier = self.rng.normal(size=channels)
        return self._add(BatchNorm, self.tensor.shape, multiplier=multiplier, offset=self.rng.normal(size=channels))

    def pool(self, kind, window):
        height, width, channels = self.tensor.hwc
        hwc = (height // window[0], width // window[1], channels)
        return self._add(kind, hwc[3 - len(self.tensor.shape) :], window=window, stride=window)

    def max_pool(self, window):
        return self.pool(MaxPool, window)

    def average_pool(self, window):
        return self.pool(AveragePool, window)

    def flatten(self):
        return self._add(Flatten, (self.tensor.elements,))

    def graph(self):
        shape = self.tensors["input"].shape
        torch_shape = (shape[-1], *shape[:-1])
        return verify(Graph(self.tensors, tuple(self.nodes), "input", self.current, torch_shape))
