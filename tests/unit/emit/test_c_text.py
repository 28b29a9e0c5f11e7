"""Numbers, names and templates as C text."""

import math
import re

import jinja2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.golden.networks import three_formats
from tinybayes.emit.environment import environment, hex32
from tinybayes.emit.network import c_float, c_identifier, c_values, network_files
from tinybayes.errors import InternalError
from tinybayes.plan import WeightArray, make_plan

C_FLOAT = re.compile(r"-?\d+(\.\d+)?(e[+-]\d+)?f")


@settings(deadline=None, max_examples=300)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float_literals_read_back_to_the_same_bits(value: float) -> None:
    text = c_float(value)
    assert C_FLOAT.fullmatch(text)
    assert "." in text or "e" in text  # "1f" is not C
    read = np.float32(text.removesuffix("f"))
    assert read == np.float32(value)
    assert math.copysign(1, read) == math.copysign(1, value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1f"), (2.0, "2.0f"), (1e-10, "1e-10f"), (3e38, "3e+38f"), (-0.0, "-0.0f"), (1 / 3, "0.33333334f")],
)
def test_float_literals(value: float, text: str) -> None:
    assert c_float(value) == text


@pytest.mark.parametrize(
    ("name", "identifier"),
    [("features.0", "features_0"), ("a-b:c+d", "a_b_c_d"), ("é", "_"), ("*/ int x;", "___int_x_")],
)
def test_layer_names_become_c_names(name: str, identifier: str) -> None:
    assert c_identifier(name) == identifier


def test_layers_whose_names_become_the_same_c_name_stay_apart() -> None:
    files = network_files(make_plan(three_formats(), "flash"), "n")
    symbols = re.findall(r"extern const struct (\w+) \w+;", files["network/n_weights.h"])
    assert symbols == ["n_layer0_hidden_0", "n_layer1_hidden_1", "n_layer2_output"]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-128, 127), max_size=200))
def test_initialisers_hold_every_value_in_lines_of_bounded_length(values: list[int]) -> None:
    lines = c_values(WeightArray("values", np.array(values, np.int8), "weights", "row by row"))
    assert [int(v) for v in " ".join(lines).replace(",", " ").split()] == values
    assert all(len(line) <= 112 for line in lines)
    assert not lines or not lines[-1].endswith(",")


@pytest.mark.parametrize("template", ["{{ 0.5 }}", "{{ none }}", "{{ [1.5][0] }}"])
def test_templates_cannot_write_raw_floats_or_none(template: str) -> None:
    with pytest.raises(InternalError, match="a template wrote"):
        environment().from_string(template).render()


def test_templates_cannot_use_a_name_that_is_not_there() -> None:
    with pytest.raises(jinja2.UndefinedError):
        environment().from_string("{{ nothing }}").render()


def test_template_assertions() -> None:
    template = environment().from_string("{% assert size > 3 %}\n{{ size }}")
    assert template.render(size=4) == "4"
    with pytest.raises(InternalError, match="an assertion of the template does not hold"):
        template.render(size=3)


@pytest.mark.parametrize("value", [-1, 2**32])
def test_hex32_takes_32_bits(value: int) -> None:
    assert hex32(2**32 - 1) == "0xFFFFFFFF"
    with pytest.raises(InternalError, match="is not a 32-bit number"):
        hex32(value)
