import pytest

from tinybayes.build.host_compiler import compile_for_host
from tinybayes.errors import ToolError


def test_warning_is_an_error_that_shows_what_the_compiler_wrote(tmp_path):
    source = tmp_path / "narrow.c"
    source.write_text("signed char f(int x);\nsigned char f(int x) { return x; }\n")
    with pytest.raises(ToolError, match=r"compiling narrow\.so for the host failed:\n(.|\n)*-Werror=conversion"):
        compile_for_host([source], tmp_path / "narrow.so", options=["-shared", "-fPIC"])
    assert not (tmp_path / "narrow.so").exists()
