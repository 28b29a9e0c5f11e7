from pathlib import Path

import pytest

from tests.unit.timing.classes import CLASSES, cycles_of


@pytest.mark.parametrize("core", CLASSES)
def test_every_class_costs_what_the_manual_says(core: str, tmp_path: Path) -> None:
    found = {name: cycles_of(core, text, tmp_path) for name, (text, _) in CLASSES[core].items()}
    assert found == {name: cycles for name, (_, cycles) in CLASSES[core].items()}
