"""The knobs are what the command line is generated from."""

import dataclasses
import subprocess
import sys

import pytest

from tinybayes.recipes import KNOBS, demo_knobs


def test_knobs_do_not_import_torch():
    code = "import sys, tinybayes.recipes, tinybayes.datasets; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("recipe", KNOBS)
def test_each_knob_says_what_it_does_and_where_its_default_comes_from(recipe):
    fields = dataclasses.fields(KNOBS[recipe])
    assert "seed" in {field.name for field in fields}
    for field in fields:
        assert field.type in (int, float)
        assert type(field.default) is field.type
        assert len(field.metadata["help"]) > 10
        assert field.metadata["source"]


def test_the_demonstration_is_a_shortened_schedule():
    full, demo = KNOBS["imu-user-id"](), demo_knobs(seed=3)
    epochs = [field.name for field in dataclasses.fields(full) if field.name.endswith("_epochs")]
    assert sum(getattr(demo, name) for name in epochs) < sum(getattr(full, name) for name in epochs) / 2
    assert demo.seed == 3
