"""The Jinja environment that every generated file comes from: strict, and without policy of its own."""

from typing import Any, NoReturn

from jinja2 import Environment, FileSystemLoader, StrictUndefined, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from tinybayes.assets import asset_directory
from tinybayes.errors import InternalError


def hex32(value: int) -> str:
    """A 32-bit number as C and linker scripts write it.

    >>> hex32(0x20000000)
    '0x20000000'
    """
    if not 0 <= value < 1 << 32:
        raise InternalError(f"{value} is not a 32-bit number")
    return f"0x{value:08X}"


class AssertTag(Extension):
    """``{% assert condition %}`` stops rendering with an InternalError where the condition does not hold."""

    tags = {"assert"}  # noqa: RUF012 - the class it extends declares a plain set

    def parse(self, parser: Parser) -> nodes.Node:
        """Turns the tag into a call of ``_check``."""
        line = next(parser.stream).lineno
        condition = parser.parse_expression()
        place = nodes.Const(f"{parser.filename or parser.name or 'template'}:{line}")
        return nodes.ExprStmt(self.call_method("_check", [condition, place]), lineno=line)

    def _check(self, condition: object, place: str) -> str:
        if not condition:
            raise InternalError(f"{place}: an assertion of the template does not hold")
        return ""


def environment() -> Environment:
    """A fresh environment on ``templates/``.

    An undefined name, a float or ``None`` in the output is an error: real numbers must be formatted on purpose.
    """
    made = Environment(
        loader=FileSystemLoader(asset_directory("templates"), encoding="utf-8"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalize,
        autoescape=False,  # the output is C and CMake, not HTML
        extensions=[AssertTag],
    )
    made.filters["hex32"] = hex32
    return made


def _finalize(value: Any) -> Any:  # noqa: ANN401 - Jinja hands over whatever the expression gave
    if value is None or isinstance(value, float):
        _refuse(value)
    return value


def _refuse(value: object) -> NoReturn:
    raise InternalError(f"a template wrote {value!r}; format numbers on the Python side, and never write None")
