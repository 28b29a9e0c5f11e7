"""Plan -> the files of ``network/``: the library that a user drops into a project."""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tinybayes.assets import asset_directory
from tinybayes.emit.arguments import Call
from tinybayes.emit.calls import calls, straight_twin, zero_margins
from tinybayes.emit.environment import environment
from tinybayes.ir import ArgMax, Pointwise
from tinybayes.plan import Encoding, Plan, Step, WeightArray

_INCLUDED = re.compile(r'^#include "(tb_\w+\.h)"', re.MULTILINE)
_LINE_COLUMNS = 112
_CLASS_NUMBER = "the number of the largest channel of each position, from 0, the first of equals"


@dataclass(frozen=True, eq=False)
class Layer:
    """What the templates need to know about a step."""

    plan: Plan
    number: int
    step: Step
    network: str

    @property
    def symbol(self) -> str:
        """C name of the layer's constants."""
        return f"{self.network}_layer{self.number}_{c_identifier(self.step.name)}"

    @property
    def constants(self) -> str:
        """C name of the constants that the layer reads: its own, or those of a layer before it."""
        if not self.step.shares:
            return self.symbol
        numbers = {step.name: number for number, step in enumerate(self.plan.steps)}
        number = numbers[self.step.shares]
        return Layer(self.plan, number, self.plan.steps[number], self.network).symbol

    @property
    def function(self) -> str:
        """C name of the layer's function."""
        return f"{self.network}_step_{self.number}"

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """The kernel calls of the layer, in order; margins come last, as they may lie over what the kernel reads."""
        last = zero_margins(self.plan, self.step)
        return (*calls(self.plan, self.step, self.constants), *((last,) if last else ()))

    @property
    def lines(self) -> list[str]:
        """The calls as lines of C."""
        return [line for kernel_call in self.calls for line in kernel_call.lines()]

    @property
    def unused(self) -> list[str]:
        """Parameters that the layer's function does not use."""
        text = "\n".join(self.lines)
        return [name for name in ("input", "output", "arena") if not re.search(rf"\b{name}\b", text.replace(".", "_"))]

    @property
    def title(self) -> str:
        """What the layer is, for people."""
        target = self.step.target.tensor
        pooled = f" and {self.step.pool.name}" if self.step.pool else ""
        stored = f", {self.step.format} weights" if self.step.format else ""
        read = " and ".join(_shape(source.tensor.shape) for source in self.step.sources)
        shapes = f"{read} to {_shape(target.shape)}"
        node = self.step.node
        does = node.function if isinstance(node, Pointwise) else self.step.op
        return f"`{self.step.name}`{pooled}: {does.replace('_', ' ')} from {shapes}{stored}"

    @property
    def encoding(self) -> Encoding | None:
        """The layer's constants, if it has any."""
        return self.step.encoding

    @property
    def stored(self) -> bool:
        """Whether the layer's constants stand among those of the network: they may be code instead."""
        return self.encoding is not None and self.encoding.code is None and not self.step.shares

    @property
    def straight(self) -> bool:
        """Whether the layer is a function of its own, in files of its own."""
        return self.encoding is not None and self.encoding.code is not None

    @property
    def twin(self) -> list[str]:
        """What stands in for the layer's assembly, as lines of C."""
        return straight_twin(self.step, "weights").lines()

    @property
    def offset(self) -> str:
        """Where the layer's tensor lies in the arena; all ones for the network's output."""
        last = self.step is self.plan.steps[-1]
        return "UINT32_MAX" if last else f"{self.plan.buffer(self.step.tensor).offset}U"


def network_files(plan: Plan, name: str) -> dict[str, str]:
    """Relative path -> text of the network library ``name``, a lower-case C identifier."""
    layers = [Layer(plan, number, step, name) for number, step in enumerate(plan.steps)]
    headers = sorted({kernel_call.header for layer in layers for kernel_call in layer.calls})
    facts = {
        "plan": plan,
        "graph": plan.graph,
        "name": name,
        "macro": name.upper(),
        "layers": layers,
        "headers": headers,
        "input": plan.graph.input_tensor,
        "output": plan.graph.output_tensor,
        "scaling": plan.graph.input_scaling,
        "output_meaning": _output_meaning(plan),
    }
    templates = environment()
    templates.filters.update(c_float=c_float, c_values=c_values)
    rendered = {
        f"network/{name}.h": "network/network.h.j2",
        f"network/{name}.c": "network/network.c.j2",
        f"network/{name}_weights.h": "network/weights.h.j2",
        f"network/{name}_weights.c": "network/weights.c.j2",
    }
    files = {path: templates.get_template(template).render(facts) for path, template in rendered.items()}
    for layer in layers:
        if layer.straight:
            for suffix in ("S", "c"):
                path = f"network/{name}_layer{layer.number}.{suffix}"
                files[path] = templates.get_template(f"network/straight.{suffix}.j2").render({**facts, "layer": layer})
            headers = sorted({*headers, "tb_linear.h"})
    files |= {f"network/{header}": text for header, text in _runtime({"tb_arith.h", *headers}).items()}
    return dict(sorted(files.items()))


def _runtime(headers: set[str]) -> dict[str, str]:
    """Text of the headers of the runtime, and of all that they include, by name."""
    runtime = asset_directory("firmware") / "runtime"
    found: dict[str, str] = {}
    while missing := headers - set(found):
        for header in missing:
            found[header] = (runtime / header).read_text(encoding="utf-8")
            headers = headers | set(_INCLUDED.findall(found[header]))
    return found


def _output_meaning(plan: Plan) -> str:
    """What the output holds, for the header. A network's own word is kept where it can stand in a comment."""
    if plan.steps[-1].op == ArgMax.op:
        return _CLASS_NUMBER
    told = plan.graph.facts.get("output_meaning")
    if isinstance(told, str) and re.fullmatch(r"[\w ,.;:()+=-]{1,80}", told, re.ASCII):
        return f"codes of the result: {told}"
    return "codes of the result"


def c_identifier(name: str) -> str:
    """A layer's name as part of a C name.

    >>> c_identifier("features.0")
    'features_0'
    """
    return re.sub(r"\W", "_", name, flags=re.ASCII)


def c_float(value: float) -> str:
    """A float32 literal that reads back to the same bits.

    >>> c_float(0.1), c_float(2.0)
    ('0.1f', '2.0f')
    """
    text = str(np.float32(value))
    return f"{text}f" if any(mark in text for mark in ".en") else f"{text}.0f"


def c_values(array: WeightArray) -> list[str]:
    """The lines of an initialiser."""
    lines, line = [], ""
    for value in array.values.tolist():
        text = f"{value},"
        if line and len(line) + 1 + len(text) > _LINE_COLUMNS:
            lines.append(line)
            line = text
        else:
            line = f"{line} {text}" if line else text
    return [*lines, line.removesuffix(",")] if line else lines


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in shape)
