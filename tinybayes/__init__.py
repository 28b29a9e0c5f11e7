"""tinybayes: Bayesian-sparsified networks compiled to verified Cortex-M firmware."""

__version__ = "0.1.0"
