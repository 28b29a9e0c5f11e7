"""Named trainings. Importing this package does not import torch; ``tinybayes.recipes.recipe`` does."""

from tinybayes.recipes.knobs import KNOBS, ImuUserIdKnobs, Knobs, MnistLenet300Knobs, demo_knobs

__all__ = ["KNOBS", "ImuUserIdKnobs", "Knobs", "MnistLenet300Knobs", "demo_knobs"]
