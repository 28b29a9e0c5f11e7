"""The stages of a training: what module each one trains, with which optimizer, schedule and penalty."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tinybayes.bayes import (
    AutomaticRelevance,
    Blocks,
    LogUniform,
    Prior,
    cap_living,
    constant_then_linear,
    cosine,
    cubic_cap,
    kl,
    parameter_groups,
    posterior_mean,
    score_statistics,
    sparsify,
    warm_up,
)
from tinybayes.compress import (
    MaskedNetwork,
    SharedNetwork,
    compensate,
    equalize,
    fold_batch_norm,
    prune,
    weight_counts,
)
from tinybayes.recipes.curve import LayerFigures, plain_layers, posterior_layers, shared_layers
from tinybayes.recipes.knobs import Knobs
from tinybayes.recipes.networks import evened

Modules = Mapping[str, Any]
"""The modules that finished stages left behind, by the name of the stage."""


def _no_penalty(module: nn.Module, epoch: float) -> Tensor | None:
    return None


def _nothing(module: nn.Module, epoch: int) -> None:
    return None


@dataclass(frozen=True)
class Stage:
    """One stage: ``prepare`` makes its module from those of finished stages, ``plain`` the network it stands for."""

    name: str
    epochs: int
    prepare: Callable[[Modules], nn.Module]
    groups: Callable[[nn.Module], list[dict[str, Any]]]
    plain: Callable[[Any], nn.Module]
    nonzero: Callable[[Any], int]
    layers: Callable[[nn.Module], dict[str, LayerFigures]] = plain_layers
    factor: Callable[[float, float], float] = cosine
    penalty: Callable[[nn.Module, float], Tensor | None] = _no_penalty
    after_epoch: Callable[[nn.Module, int], None] = _nothing
    distills: bool = True
    averages: bool = False
    refreshes: bool = False


def stages(
    knobs: Knobs, network: Callable[[], nn.Sequential], train_samples: int, samples: Tensor
) -> tuple[Stage, ...]:
    """The five stages in order: dense, sparse, pruned, fine-tuned, shared; ``samples`` are some to train on."""

    def sparse_groups(module: nn.Module) -> list[dict[str, Any]]:
        weights, variances = parameter_groups(module)
        return [{**weights, "lr": knobs.sparse_learning_rate}, {**variances, "lr": knobs.log_sigma2_learning_rate}]

    def prior() -> Prior:
        if knobs.block_columns > 1:
            return AutomaticRelevance(knobs.initial_log_sigma2, knobs.threshold, Blocks(1, knobs.block_columns))
        return LogUniform(knobs.initial_log_sigma2, knobs.threshold)

    def divergence(module: nn.Module, epoch: float) -> Tensor | None:
        weight = knobs.kl_weight * warm_up(epoch, knobs.warm_up_start, knobs.warm_up_epochs)
        return weight / train_samples * kl(module) if weight > 0 else None

    def cap(module: nn.Module, epoch: int) -> None:
        if knobs.most_nonzero:
            weights = weight_counts(posterior_mean(module))[1]
            end = knobs.cap_end * knobs.sparse_epochs
            cap_living(module, cubic_cap(epoch, knobs.warm_up_start, end, weights, knobs.most_nonzero), knobs.threshold)

    def living(module: nn.Module) -> int:
        return sum(layer.nonzero for layer in score_statistics(module, knobs.threshold).values())

    def shared_groups(module: nn.Module) -> list[dict[str, Any]]:
        named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        latent = [p for name, p in named if name.startswith("latent")]
        return [
            {"params": [p for name, p in named if not name.startswith("latent")], "lr": knobs.share_learning_rate},
            {"params": latent, "lr": knobs.latent_learning_rate},
        ]

    def pruned(modules: Modules) -> MaskedNetwork:
        return prune(modules["sparse"], knobs.threshold)

    def shared(modules: Modules) -> SharedNetwork:
        folded = fold_batch_norm(modules["fine-tuned"].plain())
        if knobs.compensate:
            folded = compensate(equalize(evened(folded, samples)), knobs.levels, knobs.rate, samples)
        return SharedNetwork(folded, knobs.levels, knobs.rate, prunes=knobs.entropy_weight > 0)

    def description(module: nn.Module, epoch: float) -> Tensor | None:
        if knobs.entropy_weight <= 0:
            return None
        assert isinstance(module, SharedNetwork)
        return knobs.entropy_weight * math.log(2) / train_samples * module.coded_bits()

    return (
        Stage(
            name="dense",
            epochs=knobs.dense_epochs,
            prepare=lambda modules: network(),
            groups=_decayed(knobs.dense_learning_rate, knobs.weight_decay),
            plain=lambda module: module,
            nonzero=_nonzero,
            distills=False,
        ),
        Stage(
            name="sparse",
            epochs=knobs.sparse_epochs,
            prepare=lambda modules: sparsify(modules["dense"], prior()),
            groups=sparse_groups,
            plain=posterior_mean,
            nonzero=living,
            layers=lambda module: posterior_layers(module, knobs.threshold),
            factor=constant_then_linear,
            penalty=divergence,
            after_epoch=cap,
            refreshes=True,
        ),
        Stage(
            name="pruned",
            epochs=0,
            prepare=pruned,
            groups=_decayed(0.0, 0.0),
            plain=MaskedNetwork.plain,
            nonzero=_plain_nonzero,
            refreshes=True,
        ),
        Stage(
            name="fine-tuned",
            epochs=knobs.fine_tune_epochs,
            prepare=pruned,
            groups=_decayed(knobs.fine_tune_learning_rate, knobs.weight_decay),
            plain=MaskedNetwork.plain,
            nonzero=_plain_nonzero,
            averages=True,
            refreshes=True,
        ),
        Stage(
            name="shared",
            epochs=knobs.share_epochs,
            prepare=shared,
            groups=shared_groups,
            plain=SharedNetwork.plain,
            nonzero=_plain_nonzero,
            layers=shared_layers,
            penalty=description,
            averages=True,
        ),
    )


def _decayed(learning_rate: float, decay: float) -> Callable[[nn.Module], list[dict[str, Any]]]:
    def groups(module: nn.Module) -> list[dict[str, Any]]:
        return [{**group, "lr": learning_rate} for group in parameter_groups(module, decay) if group["params"]]

    return groups


def _nonzero(module: nn.Module) -> int:
    return weight_counts(module)[0]


def _plain_nonzero(module: MaskedNetwork | SharedNetwork) -> int:
    return _nonzero(module.plain())


def optimizer(stage: Stage, module: nn.Module) -> torch.optim.Optimizer:
    """Adam with decoupled weight decay (none unless the stage's groups ask for it)."""
    return torch.optim.AdamW(stage.groups(module), weight_decay=0.0, fused=True)
