"""Tables in Markdown, and the places of a page that they are filled into."""

from collections.abc import Iterator


def table(headings: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def fill(page: str, name: str, text: str) -> str:
    """``page`` with ``text`` between the comments that begin and end ``name``."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{text}\n{end}{after}"
