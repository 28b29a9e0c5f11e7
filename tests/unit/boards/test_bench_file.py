import pytest

from tinybayes.boards.bench import Calibration, bench_file, read_calibrations, store_calibration
from tinybayes.errors import BoardError, UserError

ONE = Calibration(1.0625, 0.75, 0.0125, "cortex-m4/1", "dwt", "00ff" * 8)


@pytest.fixture(autouse=True)
def config(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def test_there_is_none_at_first(config):
    assert bench_file() == config / "tinybayes/bench.toml"
    assert read_calibrations() == {}


def test_what_was_stored_is_read_again():
    assert store_calibration("nucleo-f446re", ONE) == bench_file()
    other = Calibration(1.5, 1.0, 0.0, "cortex-m7/2", "systick", "11" * 16)
    store_calibration("nucleo-h743zi", other)
    assert read_calibrations() == {"nucleo-f446re": ONE, "nucleo-h743zi": other}
    store_calibration("nucleo-f446re", other)
    assert read_calibrations() == {"nucleo-f446re": other, "nucleo-h743zi": other}
    assert [path.name for path in bench_file().parent.iterdir()] == ["bench.toml"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("core_factor", "core_faktor"), r"bench\.toml: calibration\.a\.core_factor: is missing"),
        (("[calibration", "speed = 3\n[calibration"), r"bench\.toml: speed: unknown key"),
        (('= "dwt"', '= "dwt"\nextra = 1'), r"bench\.toml: calibration\.a\.extra: unknown key"),
        (("= 1.062500", '= "fast"'), r"core_factor: got 'fast', wanted a number with a decimal point"),
        (("= 1.062500", "= -1.0"), r"core_factor: got -1\.0, wanted 0 to 100"),
        (("= 1.062500", "= nan"), r"core_factor: got nan, wanted 0 to 100"),
        (("= 1.062500", "= ="), r"not a TOML file"),
    ],
)
def test_a_bad_file_is_one_clear_error_and_stays_as_it_is(change, message):
    path = store_calibration("a", ONE)
    path.write_text(path.read_text().replace(*change, 1))
    text = path.read_text()
    with pytest.raises(BoardError, match=message):
        read_calibrations()
    with pytest.raises(BoardError, match=message):
        store_calibration("b", ONE)
    assert path.read_text() == text


def test_a_directory_that_cannot_be_made_is_said_so(config):
    (config / "tinybayes").write_text("in the way")
    with pytest.raises(UserError, match=r"bench\.toml cannot be written"):
        store_calibration("a", ONE)
