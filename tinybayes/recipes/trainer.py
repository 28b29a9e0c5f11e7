"""Running the stages of a recipe one after another: interruptible, with a checkpoint and progress reports."""

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tinybayes.bayes import refresh_batch_norm
from tinybayes.compress import estimated_bytes, weight_counts
from tinybayes.datasets import Dataset
from tinybayes.recipes.augment import Augmentation
from tinybayes.recipes.checkpoint import load_checkpoint, refused, save_checkpoint
from tinybayes.recipes.curve import Curve, signal_to_noise
from tinybayes.recipes.evaluation import accuracy, spread_rows
from tinybayes.recipes.knobs import Knobs
from tinybayes.recipes.stages import Stage, optimizer, stages
from tinybayes.recipes.training import Progress

CHECKPOINT_SECONDS = 10.0
_UNCHANGED_SAMPLES = 1024
_SEED_STRIDE = 1_000_003


@dataclass
class _State:
    """All that a training carries from one epoch to the next."""

    modules: dict[str, nn.Module]
    results: dict[str, dict[str, float]]
    stage: int = 0
    epoch: int = 0
    optimizer: torch.optim.Optimizer | None = None
    average: dict[str, Tensor] | None = None
    seconds: float = 0.0
    curve: Curve = field(default_factory=Curve)


class Trainer:
    """Trains one network through its stages on one dataset; ``run`` may be interrupted and called again."""

    def __init__(
        self,
        recipe: str,
        knobs: Knobs,
        data: Dataset,
        network: Callable[[Dataset], nn.Sequential],
        checkpoint: Path | None,
        progress: Callable[[Progress], None],
        only: tuple[str, ...] | None = None,
    ) -> None:
        self.recipe, self.knobs, self.checkpoint, self.progress = recipe, knobs, checkpoint, progress
        self.validates_on = "training" if data.trains_on_validation else "validation"
        self.x = {part: torch.from_numpy(getattr(data, f"x_{part}")) for part in ("train", "validation", "test")}
        self.y = {part: torch.from_numpy(getattr(data, f"y_{part}")) for part in ("train", "validation", "test")}
        self.augment = Augmentation.fitted(self.x["train"], knobs)
        self.samples = self.x["train"][spread_rows(len(data.x_train), _UNCHANGED_SAMPLES)]
        every = stages(knobs, lambda: network(data), len(data.x_train), self.samples)
        self.stages = tuple(stage for stage in every if only is None or stage.name in only)
        self.state = _State({}, {})
        self._saved_at = time.monotonic()

    def run(self) -> tuple[nn.Module, dict[str, dict[str, float]]]:
        """Train what is left; returns the last stage's plain network and the figures of every stage."""
        with torch.random.fork_rng(devices=[]), _one_thread():
            if self.checkpoint is not None and self.checkpoint.exists():
                self._restore(load_checkpoint(self.checkpoint, self.recipe, asdict(self.knobs)))
            snapshot = self._snapshot()
            try:
                while self.state.stage < len(self.stages):
                    self._step()
                    snapshot = self._snapshot()
                    if time.monotonic() - self._saved_at > CHECKPOINT_SECONDS:
                        self._save(snapshot)
            finally:
                self._save(snapshot)
        last = self.stages[-1]
        return last.plain(self.state.modules[last.name]).eval(), self.state.results

    def _step(self) -> None:
        """Start the stage if it is new, train one epoch, and close the stage after its last."""
        state, stage = self.state, self.stages[self.state.stage]
        started = time.monotonic()
        if stage.name not in state.modules:
            # Each stage has random numbers of its own, so that a change to one stage leaves those before it alone.
            torch.manual_seed(self.knobs.seed + _SEED_STRIDE * state.stage)
            module = stage.prepare(state.modules)
            state.average = _trained(module) if stage.averages and self.knobs.averaging > 0 else None
            state.modules[stage.name] = module
            state.optimizer, state.epoch, state.seconds = optimizer(stage, module), 0, 0.0
        module, loss = state.modules[stage.name], 0.0
        if state.epoch < stage.epochs:
            loss = self._epoch(stage, module)
            state.epoch += 1
            stage.after_epoch(module, state.epoch)
            if state.epoch == stage.epochs and state.average is not None:
                module.load_state_dict(state.average, strict=False)
        if stage.refreshes:
            refresh_batch_norm(module, self.samples)
        state.seconds += time.monotonic() - started
        if stage.epochs:
            self._report(stage, module, loss)
        if state.epoch >= stage.epochs:
            self._close(stage, module)
            state.stage, state.optimizer, state.average, state.epoch = state.stage + 1, None, None, 0

    def _epoch(self, stage: Stage, module: nn.Module) -> float:
        assert self.state.optimizer is not None
        groups = self.state.optimizer.param_groups
        rates = [group["lr"] for group in stage.groups(module)]
        teacher = self.state.modules.get("dense") if stage.distills and self.knobs.distillation > 0 else None
        order = torch.split(torch.randperm(len(self.x["train"])), self.knobs.batch)
        total = 0.0
        for number, rows in enumerate(order):
            epoch = self.state.epoch + number / len(order)
            for group, rate in zip(groups, rates, strict=True):
                group["lr"] = rate * stage.factor(epoch, stage.epochs)
            x = self.augment(self.x["train"][rows])
            module.train()
            loss = self._data_loss(module(x), self.y["train"][rows], x, teacher)
            penalty = stage.penalty(module, epoch)
            self.state.optimizer.zero_grad()
            torch.autograd.backward(loss if penalty is None else loss + penalty)
            self.state.optimizer.step()
            self._average(module)
            total += float(loss.detach()) * len(rows)
        return total / len(self.x["train"])

    @torch.no_grad()
    def _average(self, module: nn.Module) -> None:
        if self.state.average is not None:
            for name, value in _trained(module).items():
                self.state.average[name].lerp_(value, 1 - self.knobs.averaging)

    def _data_loss(self, logits: Tensor, y: Tensor, x: Tensor, teacher: nn.Module | None) -> Tensor:
        loss = F.cross_entropy(logits, y, label_smoothing=self.knobs.label_smoothing)
        if teacher is None:
            return loss
        heat, share = self.knobs.temperature, self.knobs.distillation
        with torch.no_grad():
            soft = (teacher.eval()(x) / heat).softmax(1)
        # The square of the temperature keeps the gradient's size (Hinton, Vinyals and Dean 2015).
        return (1 - share) * loss + share * heat * heat * F.cross_entropy(logits / heat, soft)

    def _report(self, stage: Stage, module: nn.Module, loss: float) -> None:
        nonzero, weights = stage.nonzero(module), weight_counts(self.state.modules["dense"])[1]
        error_percent = 100 * (1 - accuracy(module, self.x["validation"], self.y["validation"]))
        self.state.curve.add(stage.name, self.state.epoch, loss, error_percent, stage.layers(module))
        self.progress(
            Progress(
                recipe=self.recipe,
                stage=stage.name,
                epoch=self.state.epoch,
                epochs=stage.epochs,
                loss=loss,
                error_percent=error_percent,
                nonzero=nonzero,
                sparsity=1 - nonzero / weights,
                seconds_left=self._seconds_left(stage),
            )
        )

    def _seconds_left(self, stage: Stage) -> float:
        per_epoch = self.state.seconds / max(1, self.state.epoch)
        # A variational epoch is two forward passes and more, about twice a plain one.
        plain = per_epoch / (2 if stage.name == "sparse" else 1)
        later = sum(s.epochs * (2 if s.name == "sparse" else 1) for s in self.stages[self.state.stage + 1 :])
        return per_epoch * (stage.epochs - self.state.epoch) + plain * later

    def _close(self, stage: Stage, module: nn.Module) -> None:
        plain = stage.plain(module).eval()
        if stage.name == "sparse":
            self.state.curve.signal_to_noise = signal_to_noise(module)
        _, weights = weight_counts(plain)
        self.state.results[stage.name] = {
            "accuracy": accuracy(plain, self.x["test"], self.y["test"]),
            f"{self.validates_on}_accuracy": accuracy(plain, self.x["validation"], self.y["validation"]),
            "nonzero": stage.nonzero(module),
            "weights": weights,
            "estimated_bytes": estimated_bytes(plain),
            "seconds": self.state.seconds,
        }

    def _snapshot(self) -> dict[str, Any]:
        state = self.state
        return {
            "recipe": self.recipe,
            "knobs": asdict(self.knobs),
            "stage": state.stage,
            "epoch": state.epoch,
            "seconds": state.seconds,
            "results": copy.deepcopy(state.results),
            "modules": {name: copy.deepcopy(module.state_dict()) for name, module in state.modules.items()},
            "optimizer": None if state.optimizer is None else copy.deepcopy(state.optimizer.state_dict()),
            "average": copy.deepcopy(state.average),
            "curve": copy.deepcopy(vars(state.curve)),
            "random": torch.get_rng_state(),
        }

    def _save(self, snapshot: dict[str, Any]) -> None:
        if self.checkpoint is not None:
            save_checkpoint(self.checkpoint, snapshot)
            self._saved_at = time.monotonic()

    def _restore(self, content: dict[str, Any]) -> None:
        try:
            self.state = self._state(content)
            torch.set_rng_state(content["random"])
        except (KeyError, TypeError, IndexError, RuntimeError, ValueError, AttributeError) as error:
            raise refused(
                self.checkpoint, f"the checkpoint does not fit this network ({type(error).__name__})"
            ) from error

    def _state(self, content: dict[str, Any]) -> _State:
        state = _State(
            {},
            dict(content["results"]),
            content["stage"],
            content["epoch"],
            None,
            content["average"],
            float(content["seconds"]),
            Curve(**content["curve"]),
        )
        begun = [stage for stage in self.stages if stage.name in content["modules"]]
        running = content["optimizer"] is not None
        if not (
            0 <= state.stage <= len(self.stages) and len(begun) == state.stage + running == len(content["modules"])
        ):
            raise ValueError("stages")
        if not 0 <= state.epoch <= (self.stages[state.stage].epochs if running else 0):
            raise ValueError("epoch")
        for stage in begun:
            state.modules[stage.name] = stage.prepare(state.modules)
            state.modules[stage.name].load_state_dict(content["modules"][stage.name])
        if running:
            stage = self.stages[state.stage]
            state.optimizer = optimizer(stage, state.modules[stage.name])
            state.optimizer.load_state_dict(content["optimizer"])
        return state


def _trained(module: nn.Module) -> dict[str, Tensor]:
    """A copy of what of a module is trained, by name."""
    return {name: value.detach().clone() for name, value in module.named_parameters() if value.requires_grad}


@contextmanager
def _one_thread() -> Iterator[None]:
    """One torch thread: sums of several depend on how work is divided, and these networks are too small to gain."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def side_knobs(knobs: Knobs) -> Knobs:
    """The knobs of the side experiment: the dense stage only, with its own number of epochs."""
    return replace(knobs, dense_epochs=knobs.by_recording_epochs)
