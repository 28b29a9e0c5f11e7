"""Draws docs/images/posteriors.png: a variational posterior beside a Markov chain's.

    .venv/bin/python scripts/plot_posteriors.py

Prints means, deviations and predictive log likelihoods of both. Takes some ten seconds.
"""

import sys
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.unit.bayes import markov_chain as problem  # noqa: E402

PICTURE = ROOT / "docs" / "images" / "posteriors.png"
BLUE, RED, GREY = "#1f6feb", "#cf222e", "#57606a"


def main() -> None:
    """The picture, and its figures as text."""
    chain, r_hat = problem.chain_draws()
    means, deviations = problem.variational_posterior()
    draws = problem.variational_draws()
    print(f"R-hat of the chain at most {r_hat:.3f}")
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.4))
    for k, axis in enumerate(axes[:3]):
        mean, deviation = float(means[k]), float(deviations[k])
        print(
            f"w{k + 1} chain {chain[:, k].mean():+.3f} +- {chain[:, k].std():.3f}, "
            f"variational {mean:+.3f} +- {deviation:.3f}"
        )
        axis.hist(chain[:, k].numpy(), 30, density=True, color=GREY, alpha=0.4, label="NUTS")
        at = np.linspace(mean - 4 * deviation, mean + 4 * deviation, 200)
        density = np.exp(-0.5 * ((at - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
        axis.plot(at, density, color=BLUE, label="variational")
        axis.axvline(problem.TRUTH[k], color=RED, ls=":", label="truth")
        axis.set_xlabel(f"weight {k + 1}")
        axis.set_yticks([])
    axes[0].set_ylabel("posterior density")
    axes[0].legend(frameon=False, fontsize=8)
    axes[3].plot([0, 1], [0, 1], color=GREY, lw=0.8)
    axes[3].scatter(problem.predicted(chain), problem.predicted(draws), 5, color=BLUE)
    axes[3].set_xlabel("predicted by NUTS")
    axes[3].set_ylabel("by the variational posterior")
    for name, found in (("chain", chain), ("variational", draws)):
        print(f"log predictive density of held-out labels, {name}: {problem.predictive_log_likelihood(found):.4f} nats")
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
