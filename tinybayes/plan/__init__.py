"""Graph + board -> plan: how every layer is stored, which kernel runs it, and where its tensors lie."""

from tinybayes.plan.arena import Buffer
from tinybayes.plan.choose import Limits
from tinybayes.plan.code_sizes import CodeSizes
from tinybayes.plan.formats import Encoding, WeightArray
from tinybayes.plan.objective import OBJECTIVES, Objective
from tinybayes.plan.plan import Plan, check_fits, fullest_step, make_plan
from tinybayes.plan.steps import Step
from tinybayes.plan.storage import Storage

__all__ = [
    "OBJECTIVES",
    "Buffer",
    "CodeSizes",
    "Encoding",
    "Limits",
    "Objective",
    "Plan",
    "Step",
    "Storage",
    "WeightArray",
    "check_fits",
    "fullest_step",
    "make_plan",
]
