"""Published results for the networks that recipes train, which docs/compression.md and its plots show."""

from dataclasses import dataclass

LENET300 = "LeNet-300-100"
LENET5 = "LeNet-5-Caffe"
SMALL = "LeNet-5, small"
"""About 40,000 weights, where LeNet-5-Caffe has 430,500."""


@dataclass(frozen=True)
class Anchor:
    """A published result: ``size_bytes`` as its authors count, ``includes`` what that is, ``source`` where it stands.

    ``size_bytes`` is None where only parameters were counted; ``label`` is what plots write, nothing where it is empty.
    """

    network: str
    method: str
    error_percent: float
    nonzero: str
    size_bytes: int | None
    includes: str
    source: str
    label: str = ""


_PARAMETERS_ONLY = "only parameters are counted: {}x fewer"
_HAN = "values, gaps, codebook; no biases"
_UNCHECKED = "Louizos 2017, not checked against its text"
_MASKS = "computed: ideal code of the places, 3.6 bits a value, int8 biases"

ANCHORS = (
    Anchor(LENET300, "Deep Compression", 1.58, "8 %", 27_000, _HAN, "Han 2016, tables 1 and 2", "Deep Compression"),
    Anchor(LENET300, "Dynamic network surgery", 1.99, "1.8 %", None, _PARAMETERS_ONLY.format(56),
           "Guo 2016, in Ullrich 2017, table 1"),
    Anchor(LENET300, "Soft weight sharing", 1.94, "4.3 %", 16_700, "Han's format", "Ullrich 2017, table 1",
           "soft weight sharing"),
    Anchor(LENET300, "Sparse variational dropout", 1.92, "1.43 %", None, _PARAMETERS_ONLY.format(68),
           "Molchanov 2017, the authors' code"),
    Anchor(LENET300, "Sparse variational dropout, its masks coded", 1.92, "1.43 %", 5_500, _MASKS,
           "from the row above", "Sparse VD's masks"),
    Anchor(LENET300, "Bayesian compression, normal-Jeffreys", 1.8, "10.8 %", None, "278-98-13 neurons are left",
           _UNCHECKED),
    Anchor(LENET300, "Bayesian compression, horseshoe", 1.8, "10.6 %", None, "311-86-14 neurons are left", _UNCHECKED),
    Anchor(LENET300, "Entropy-penalised reparametrisation", 1.9, "-", 8_560, "whole bit stream",
           "Oktay 2020, in TensorFlow Compression's tutorial", "entropy-penalised"),
    Anchor(LENET5, "Deep Compression", 0.74, "8 %", 44_000, _HAN, "Han 2016, tables 1 and 3", "Deep Compression"),
    Anchor(LENET5, "Dynamic network surgery", 0.91, "0.9 %", None, _PARAMETERS_ONLY.format(108),
           "Guo 2016, in Ullrich 2017, table 1"),
    Anchor(LENET5, "Soft weight sharing", 0.97, "0.5 %", 10_600, "Han's format", "Ullrich 2017, table 1",
           "soft weight sharing"),
    Anchor(LENET5, "Sparse variational dropout", 0.75, "0.36 %", None, _PARAMETERS_ONLY.format(280),
           "Molchanov 2017, the authors' code"),
    Anchor(LENET5, "Sparse variational dropout, its masks coded", 0.75, "0.36 %", 3_100, _MASKS,
           "from the row above", "Sparse VD's masks"),
    Anchor(LENET5, "Bayesian compression, normal-Jeffreys", 1.0, "0.9 %", 4_800,
           "dense 8-13-88-13 network in bits of the posterior", "Louizos 2017, the authors' code", "normal-Jeffreys"),
    Anchor(LENET5, "Bayesian compression, horseshoe", 1.0, "0.6 %", 4_100,
           "dense 5-10-76-16 network in bits of the posterior; no code", "Louizos 2017, the authors' tutorial",
           "horseshoe"),
    Anchor(LENET5, "Bayesian compression, horseshoe, most", 1.0, "0.6 %", 2_300, "claimed, without code",
           "Louizos 2017, in Havasi 2019, table 1", "horseshoe, most"),
    Anchor(LENET5, "Weightless", 1.0, "-", 4_520, "Bloomier filters", "Reagen 2018, in Havasi 2019, table 1",
           "Weightless"),
    Anchor(LENET5, "Entropy-penalised reparametrisation", 1.0, "-", 2_840, "whole bit stream",
           "Oktay 2020, in TensorFlow Compression's tutorial", "entropy-penalised"),
    Anchor(LENET5, "MIRACLE, lowest error", 0.69, "dense", 3_030, "seeds: all weights come from a random generator",
           "Havasi 2019, table 1", "MIRACLE"),
    Anchor(LENET5, "MIRACLE, smallest", 0.96, "dense", 1_520, "seeds: all weights come from a random generator",
           "Havasi 2019, table 1", "MIRACLE"),
    Anchor(SMALL, "Deep Microcompression, on an RP2040", 2.07, "-", 2_600,
           "channels pruned, the rest dense in 4 bits (its abstract says 1.23 %)", "PowerLabsTech 2026, the code",
           "Deep Microcompression"),
)  # fmt: skip
"""Bytes of kilobytes are 1,000; ratios are of the float network in 32 bits."""
