"""The knobs of each recipe: what they do, their defaults and where those come from. No torch: --help is quick."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

_MOLCHANOV = "Molchanov, Ashukha and Vetrov, ICML 2017"
_HAN = "Han, Mao and Dally, ICLR 2016"
_CHOSEN = "chosen on the validation split"
_TAKEN_OVER = "set beforehand, not tuned"


def _knob(default: float | int, help: str, source: str) -> Any:  # noqa: ANN401 - a field
    return field(default=default, metadata={"help": help, "source": source})


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """What every recipe can be tuned by; epochs are passes over the training part.

    ``block_columns`` belongs to the recipe: so many weights, side by side as the device stores them, are pruned
    together; 1 prunes each alone.
    """

    block_columns: ClassVar[int] = 1
    seed: int = _knob(0, "seed of initial weights, order and noise", "any whole number will do")
    batch: int = _knob(100, "samples in a step", _MOLCHANOV)
    train_stride: int = _knob(64, "distance of the starts of training windows, samples", "distance of the test windows")
    label_smoothing: float = _knob(
        0.0, "share of each label spread over all classes", "off unless a recipe asks for it"
    )
    noise: float = _knob(
        0.0, "standard deviation of Gaussian noise added to training inputs, of unit deviation", "none"
    )
    gain_jitter: float = _knob(
        0.0, "standard deviation of a random gain of each input channel", "off unless a recipe asks for it"
    )
    shift_pixels: int = _knob(0, "largest random shift of a training image, pixels", "off unless a recipe asks for it")
    rotation: float = _knob(
        0.0,
        "standard deviation of a random rotation of the sensor about each axis, radians",
        "off unless a recipe asks for it",
    )
    refit: int = _knob(
        0,
        "1 trains on the validation samples too, for the run that is kept once all is chosen",
        "off unless a recipe asks for it",
    )
    weight_decay: float = _knob(
        0.0, "decoupled weight decay of the dense and fine-tuning stages", "off unless a recipe asks for it"
    )
    dense_epochs: int = _knob(60, "epochs of the float network without sparsification", _CHOSEN)
    dense_learning_rate: float = _knob(1e-3, "learning rate of the dense stage (Adam, cosine to 0)", _MOLCHANOV)
    sparse_epochs: int = _knob(200, "epochs of sparse variational dropout", _MOLCHANOV)
    sparse_learning_rate: float = _knob(1e-3, "learning rate of the posterior means (Adam)", _MOLCHANOV)
    log_sigma2_learning_rate: float = _knob(1e-3, "learning rate of the log variances (Adam)", _MOLCHANOV)
    initial_log_sigma2: float = _knob(-10.0, "log variance that training starts from", _MOLCHANOV)
    kl_weight: float = _knob(
        1.0, "weight of the KL divergence after warm-up; 1 is the evidence lower bound", _MOLCHANOV
    )
    warm_up_start: float = _knob(5.0, "epoch at which the KL divergence starts to count", _MOLCHANOV)
    warm_up_epochs: float = _knob(15.0, "epochs over which its weight rises to its full value", _MOLCHANOV)
    threshold: float = _knob(3.0, "log alpha from which a weight is pruned", _MOLCHANOV)
    most_nonzero: int = _knob(
        0, "cap on the surviving weights, those of lowest log alpha; 0 leaves the threshold alone", _CHOSEN
    )
    cap_end: float = _knob(0.7, "share of the sparse stage at which the falling cap reaches its end", _CHOSEN)
    fine_tune_epochs: int = _knob(20, "epochs of fine-tuning the surviving weights", _CHOSEN)
    fine_tune_learning_rate: float = _knob(5e-4, "learning rate of fine-tuning (Adam, cosine to 0)", _CHOSEN)
    levels: int = _knob(15, "most distinct nonzero weights a layer may have, 1 to 255", _HAN + "; number " + _CHOSEN)
    rate: float = _knob(0.02, "price of a bit when weights are clustered, in variances of the weights", _CHOSEN)
    share_epochs: int = _knob(20, "epochs of training the shared levels and the biases", _CHOSEN)
    share_learning_rate: float = _knob(2e-4, "learning rate of the shared levels (Adam, cosine to 0)", _CHOSEN)
    latent_learning_rate: float = _knob(
        2e-4, "learning rate of the values that decide which level a weight takes", _CHOSEN
    )
    entropy_weight: float = _knob(
        0.0,
        "weight of the coded size of shared weights in the loss; 1 is the description length, 0 leaves it out",
        "Oktay et al., ICLR 2020",
    )
    by_recording_epochs: int = _knob(
        0, "epochs of the side experiment that splits by recording; 0 leaves it out", _CHOSEN
    )
    distillation: float = _knob(0.0, "share of the loss that follows the dense network's soft labels", _CHOSEN)
    temperature: float = _knob(2.0, "temperature of the soft labels", _CHOSEN)
    averaging: float = _knob(
        0.0,
        "decay a step of the moving average of parameters that fine-tuning and sharing end with; 0 keeps the last ones",
        "off unless a recipe asks for it",
    )
    compensate: int = _knob(
        0,
        "1 evens channels out before weights are shared and lets weights make up for each other's errors",
        "Nagel et al., ICCV 2019; Frantar et al., ICLR 2023",
    )


def _chosen(base: type[Knobs], name: str, default: float | int, source: str = _CHOSEN) -> Any:  # noqa: ANN401 - a field
    """A field that takes its help from ``base`` and has a default, and a source of it, of its own."""
    known = {known.name: known for known in fields(base)}[name]
    return _knob(default, known.metadata["help"], source)


@dataclass(frozen=True, kw_only=True)
class ImuUserIdKnobs(Knobs):
    """Knobs of ``imu-user-id``."""

    batch: int = _chosen(Knobs, "batch", 64)
    train_stride: int = _chosen(Knobs, "train_stride", 16)
    refit: int = _chosen(Knobs, "refit", 1, "the run that is kept")
    rotation: float = _chosen(Knobs, "rotation", 0.1)
    noise: float = _chosen(Knobs, "noise", 0.05)
    gain_jitter: float = _chosen(Knobs, "gain_jitter", 0.1)
    label_smoothing: float = _chosen(Knobs, "label_smoothing", 0.05)
    weight_decay: float = _chosen(Knobs, "weight_decay", 0.02)
    dense_epochs: int = _chosen(Knobs, "dense_epochs", 30)
    dense_learning_rate: float = _chosen(Knobs, "dense_learning_rate", 2e-3)
    sparse_epochs: int = _chosen(Knobs, "sparse_epochs", 100)
    sparse_learning_rate: float = _chosen(Knobs, "sparse_learning_rate", 2e-3)
    log_sigma2_learning_rate: float = _chosen(Knobs, "log_sigma2_learning_rate", 1e-2)
    initial_log_sigma2: float = _chosen(Knobs, "initial_log_sigma2", -8.0)
    kl_weight: float = _chosen(Knobs, "kl_weight", 0.3)
    warm_up_start: float = _chosen(Knobs, "warm_up_start", 0.0)
    warm_up_epochs: float = _chosen(Knobs, "warm_up_epochs", 5.0)
    most_nonzero: int = _chosen(Knobs, "most_nonzero", 2412, "a tenth of the network's 24,128 weights")
    cap_end: float = _chosen(Knobs, "cap_end", 0.6)
    distillation: float = _chosen(Knobs, "distillation", 0.5)
    fine_tune_epochs: int = _chosen(Knobs, "fine_tune_epochs", 8)
    fine_tune_learning_rate: float = _chosen(Knobs, "fine_tune_learning_rate", 2e-4)
    levels: int = _chosen(Knobs, "levels", 31)
    rate: float = _chosen(Knobs, "rate", 0.0)
    share_epochs: int = _chosen(Knobs, "share_epochs", 2)
    share_learning_rate: float = _chosen(Knobs, "share_learning_rate", 1e-4)
    latent_learning_rate: float = _chosen(Knobs, "latent_learning_rate", 1e-4)
    averaging: float = _chosen(Knobs, "averaging", 0.99)
    compensate: int = _chosen(Knobs, "compensate", 1)
    by_recording_epochs: int = _chosen(Knobs, "by_recording_epochs", 10)


@dataclass(frozen=True, kw_only=True)
class ImuUserIdBlocksKnobs(ImuUserIdKnobs):
    """Knobs of ``imu-user-id-blocks``: the same float network, pruned in blocks that one load of the kernels covers."""

    block_columns: ClassVar[int] = 4
    sparse_epochs: int = _chosen(Knobs, "sparse_epochs", 100, _TAKEN_OVER)
    most_nonzero: int = _chosen(Knobs, "most_nonzero", 4800, "1,200 blocks, the size that the network is meant to have")
    fine_tune_epochs: int = _chosen(Knobs, "fine_tune_epochs", 12, _TAKEN_OVER)
    fine_tune_learning_rate: float = _chosen(Knobs, "fine_tune_learning_rate", 5e-4, _TAKEN_OVER)
    share_epochs: int = _chosen(Knobs, "share_epochs", 8, _TAKEN_OVER)
    share_learning_rate: float = _chosen(Knobs, "share_learning_rate", 3e-4, _TAKEN_OVER)
    latent_learning_rate: float = _chosen(Knobs, "latent_learning_rate", 3e-4, _TAKEN_OVER)
    by_recording_epochs: int = _chosen(Knobs, "by_recording_epochs", 0, "imu-user-id has that experiment")


@dataclass(frozen=True, kw_only=True)
class MnistLenet300Knobs(Knobs):
    """Knobs of ``mnist-lenet300``."""

    batch: int = _chosen(Knobs, "batch", 250)
    shift_pixels: int = _chosen(Knobs, "shift_pixels", 1)
    dense_epochs: int = _chosen(Knobs, "dense_epochs", 25)
    dense_learning_rate: float = _chosen(Knobs, "dense_learning_rate", 2e-3)
    sparse_epochs: int = _chosen(Knobs, "sparse_epochs", 75)
    sparse_learning_rate: float = _chosen(Knobs, "sparse_learning_rate", 2e-3)
    log_sigma2_learning_rate: float = _chosen(Knobs, "log_sigma2_learning_rate", 6e-3)
    initial_log_sigma2: float = _chosen(Knobs, "initial_log_sigma2", -8.0)
    kl_weight: float = _chosen(Knobs, "kl_weight", 2.0)
    warm_up_start: float = _chosen(Knobs, "warm_up_start", 0.0)
    warm_up_epochs: float = _chosen(Knobs, "warm_up_epochs", 10.0)
    most_nonzero: int = _chosen(Knobs, "most_nonzero", 4000, "the size and speed that the network is meant to have")
    cap_end: float = _chosen(Knobs, "cap_end", 0.6)
    distillation: float = _chosen(Knobs, "distillation", 0.5)
    fine_tune_epochs: int = _chosen(Knobs, "fine_tune_epochs", 15)
    fine_tune_learning_rate: float = _chosen(Knobs, "fine_tune_learning_rate", 1e-3)
    levels: int = _chosen(Knobs, "levels", 15)
    rate: float = _chosen(Knobs, "rate", 0.002)
    share_epochs: int = _chosen(Knobs, "share_epochs", 8)
    share_learning_rate: float = _chosen(Knobs, "share_learning_rate", 5e-4)
    entropy_weight: float = _chosen(Knobs, "entropy_weight", 0.5)


@dataclass(frozen=True, kw_only=True)
class MnistLenet300LowKnobs(MnistLenet300Knobs):
    """Knobs of ``mnist-lenet300-low``: the same network with more weights and a lower error."""

    kl_weight: float = _chosen(Knobs, "kl_weight", 1.0)
    most_nonzero: int = _chosen(Knobs, "most_nonzero", 8000, "the size that the network is meant to have")


@dataclass(frozen=True, kw_only=True)
class Lenet5Knobs(Knobs):
    """Knobs of ``mnist-lenet5``."""

    batch: int = _chosen(Knobs, "batch", 100)
    shift_pixels: int = _chosen(Knobs, "shift_pixels", 1)
    dense_epochs: int = _chosen(Knobs, "dense_epochs", 12)
    sparse_epochs: int = _chosen(Knobs, "sparse_epochs", 50)
    log_sigma2_learning_rate: float = _chosen(Knobs, "log_sigma2_learning_rate", 4e-3)
    initial_log_sigma2: float = _chosen(Knobs, "initial_log_sigma2", -8.0)
    warm_up_start: float = _chosen(Knobs, "warm_up_start", 0.0)
    warm_up_epochs: float = _chosen(Knobs, "warm_up_epochs", 10.0)
    most_nonzero: int = _chosen(Knobs, "most_nonzero", 2600, "the size that the network is meant to have")
    cap_end: float = _chosen(Knobs, "cap_end", 0.7)
    distillation: float = _chosen(Knobs, "distillation", 0.5)
    fine_tune_epochs: int = _chosen(Knobs, "fine_tune_epochs", 12)
    fine_tune_learning_rate: float = _chosen(Knobs, "fine_tune_learning_rate", 1e-3)
    levels: int = _chosen(Knobs, "levels", 15)
    rate: float = _chosen(Knobs, "rate", 0.002)
    share_epochs: int = _chosen(Knobs, "share_epochs", 8)
    share_learning_rate: float = _chosen(Knobs, "share_learning_rate", 5e-4)
    averaging: float = _chosen(Knobs, "averaging", 0.99)
    entropy_weight: float = _chosen(Knobs, "entropy_weight", 0.5)


@dataclass(frozen=True, kw_only=True)
class Lenet5SmallKnobs(Lenet5Knobs):
    """Knobs of ``mnist-lenet5-small``."""

    sparse_epochs: int = _chosen(Knobs, "sparse_epochs", 80)
    most_nonzero: int = _chosen(Knobs, "most_nonzero", 1800, "the size that the network is meant to have")


@dataclass(frozen=True, kw_only=True)
class FashionLenet5Knobs(Lenet5Knobs):
    """Knobs of ``fashion-lenet5``."""

    most_nonzero: int = _chosen(Knobs, "most_nonzero", 14000, "the size that the network is meant to have")


KNOBS: dict[str, type[Knobs]] = {
    "imu-user-id": ImuUserIdKnobs,
    "imu-user-id-blocks": ImuUserIdBlocksKnobs,
    "mnist-lenet300": MnistLenet300Knobs,
    "mnist-lenet300-low": MnistLenet300LowKnobs,
    "mnist-lenet5": Lenet5Knobs,
    "mnist-lenet5-small": Lenet5SmallKnobs,
    "fashion-lenet5": FashionLenet5Knobs,
}


def demo_knobs(seed: int = 0) -> Knobs:
    """The shortened schedule of ``imu-user-id`` that the demonstration runs: about 90 s on one core."""
    return replace(
        ImuUserIdKnobs(),
        seed=seed,
        train_stride=32,
        dense_epochs=9,
        sparse_epochs=11,
        warm_up_epochs=2.0,
        log_sigma2_learning_rate=2e-2,
        fine_tune_epochs=4,
        share_epochs=4,
        by_recording_epochs=0,
    )
