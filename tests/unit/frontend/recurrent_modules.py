"""Torch modules with recurrent layers."""

import torch
from torch import nn


class LastState(nn.Module):
    """Convolution, two recurrent layers and the states behind the last position, on (batch, channels, time)."""

    def __init__(self, kind=nn.GRU):
        super().__init__()
        self.conv = nn.Conv1d(3, 4, 3)
        self.norm = nn.BatchNorm1d(4)
        self.rnn = kind(4, 5, num_layers=2, batch_first=True, dropout=0.3)
        self.head = nn.Linear(5, 3)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x)))
        return self.head(self.rnn(x.transpose(1, 2))[0][:, -1])


class FinalStates(nn.Module):
    """h_n of one of two layers, on (batch, time, features) standardised by feature."""

    def __init__(self, kind=nn.GRU, layers=2, layer=-1):
        super().__init__()
        self.register_buffer("mean", torch.randn(3))
        self.register_buffer("std", torch.rand(3) + 0.5)
        self.rnn = kind(3, 5, num_layers=layers, batch_first=True, bias=layers > 1)
        self.head = nn.Linear(5, 3)
        self.layer = layer

    def forward(self, x):
        states = self.rnn((x - self.mean) / self.std)[1]
        states = states[0] if isinstance(states, tuple) else states
        return self.head(states.squeeze(0) if self.layer is None else states[self.layer])


class WholeSeries(nn.Module):
    """Linear layers at each position around a recurrent one; the output is a series."""

    def __init__(self, kind=nn.GRU):
        super().__init__()
        self.first = nn.Linear(3, 6)
        self.rnn = kind(6, 5, batch_first=True)
        self.last = nn.Linear(5, 2)

    def forward(self, x):
        return self.last(torch.relu(self.rnn(torch.tanh(self.first(x)))[0]))


class Between(nn.Module):
    """Time and channels change places around convolutions; the input is (batch, time, features)."""

    def __init__(self):
        super().__init__()
        self.before = nn.Conv1d(3, 4, 2)
        self.rnn = nn.LSTM(4, 5, batch_first=True)
        self.norm = nn.BatchNorm1d(5)
        self.behind = nn.Conv1d(5, 2, 2)

    def forward(self, x):
        states, _ = self.rnn(self.before(x.permute(0, 2, 1)).transpose(-1, 1))
        return self.behind(states.transpose(1, 2)).mean(dim=2)


class NormalisedInput(nn.Module):
    """BatchNorm on the input, and on the last states."""

    def __init__(self):
        super().__init__()
        self.before = nn.BatchNorm1d(3)
        self.rnn = nn.GRU(3, 5, batch_first=True)
        self.behind = nn.BatchNorm1d(5)
        self.head = nn.Linear(5, 2)

    def forward(self, x):
        return self.head(self.behind(self.rnn(self.before(x).transpose(1, 2))[0][:, -1, :]))


class BothDirections(nn.Module):
    """Two layers in both directions, and a linear layer at each position."""

    def __init__(self, kind=nn.GRU):
        super().__init__()
        self.rnn = kind(3, 5, num_layers=2, batch_first=True, bidirectional=True)
        self.last = nn.Linear(10, 2)

    def forward(self, x):
        return self.last(torch.tanh(self.rnn(x)[0]))


class BothEnds(nn.Module):
    """The last state of each direction, on (batch, channels, time)."""

    def __init__(self, kind=nn.LSTM):
        super().__init__()
        self.conv = nn.Conv1d(3, 4, 2)
        self.rnn = kind(4, 5, batch_first=True, bidirectional=True)
        self.head = nn.Linear(10, 3)

    def forward(self, x):
        states = self.rnn(self.conv(x).relu().transpose(1, 2))[1]
        states = states[0] if isinstance(states, tuple) else states
        return self.head(torch.cat([states[-2], states[-1]], 1))


class LastPosition(nn.Module):
    """Both directions at the last position, and the mean and the maximum over time."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(3, 4, batch_first=True, bidirectional=True)
        self.head = nn.Linear(24, 3)

    def forward(self, x):
        series = self.rnn(x)[0]
        return self.head(torch.cat([series[:, -1], series.mean(1), series.max(dim=1).values], -1))


class TimeFirst(nn.Module):
    """Layers as torch makes them by default, with the batch second, on (batch, time, features)."""

    def __init__(self, kind=nn.GRU):
        super().__init__()
        self.rnn = kind(3, 5, num_layers=2, bidirectional=True)
        self.head = nn.Linear(20, 3)

    def forward(self, x):
        states, final = self.rnn(x.transpose(0, 1))
        final = final[0] if isinstance(final, tuple) else final
        return self.head(torch.cat([states[-1], final[-2], final[-1]], 1))


class TimeFirstBetween(nn.Module):
    """The batch is second between convolutions, on (batch, channels, time)."""

    def __init__(self):
        super().__init__()
        self.before = nn.Conv1d(3, 4, 2)
        self.rnn = nn.LSTM(4, 5)
        self.behind = nn.Conv1d(5, 2, 2)

    def forward(self, x):
        states, _ = self.rnn(self.before(x).relu().permute(2, 0, 1))
        return self.behind(states[1:].permute(1, 2, 0)).mean(dim=2)


RECURRENT_MODULES = {
    "time_first_gru": (TimeFirst, (6, 3)),
    "time_first_lstm": (lambda: TimeFirst(nn.LSTM), (6, 3)),
    "time_first_between": (TimeFirstBetween, (3, 9)),
    "last_state_gru": (LastState, (3, 9)),
    "last_state_lstm": (lambda: LastState(nn.LSTM), (3, 9)),
    "final_states_gru": (FinalStates, (6, 3)),
    "final_states_of_the_first_lstm": (lambda: FinalStates(nn.LSTM, 3, 0), (6, 3)),
    "final_state_of_the_only_layer": (lambda: FinalStates(nn.LSTM, 1, None), (6, 3)),
    "whole_series": (WholeSeries, (6, 3)),
    "whole_series_lstm": (lambda: WholeSeries(nn.LSTM), (6, 3)),
    "both_directions_gru": (BothDirections, (6, 3)),
    "both_directions_lstm": (lambda: BothDirections(nn.LSTM), (6, 3)),
    "both_ends_gru": (lambda: BothEnds(nn.GRU), (3, 7)),
    "both_ends_lstm": (BothEnds, (3, 7)),
    "last_position": (LastPosition, (6, 3)),
    "between": (Between, (8, 3)),
    "normalised_input": (NormalisedInput, (3, 7)),
}


def build_recurrent(name):
    """(module in evaluation mode with lively BatchNorm statistics, sample shape), the same every time."""
    torch.manual_seed(11)
    factory, shape = RECURRENT_MODULES[name]
    module = factory().eval()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.3, 2.0)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias)
    return module, shape
