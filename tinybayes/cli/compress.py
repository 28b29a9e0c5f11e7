"""``tinybayes compress``: a trained network made small without training it again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinybayes.cli.show import console, print_json, progress_bars
from tinybayes.errors import UserError

if TYPE_CHECKING:
    from tinybayes.post_training import Compression


def compress(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A .pt2 file, or module:callable.")],
    calibration: Annotated[
        str, typer.Option(metavar="X.npz", help="Array x, typical inputs; with labels y, accuracy is what must hold.")
    ],
    out: Annotated[Path, typer.Option(metavar="NET.tbn", help="Where the compressed network goes.")],
    sparsity: Annotated[
        float | None, typer.Option(help="Share of weights to set to zero. \\[default: as many as --max-drop allows]")
    ] = None,
    bits: Annotated[int, typer.Option(help="A layer's weights share 2^bits - 1 levels.")] = 4,
    rate: Annotated[
        float | None,
        typer.Option(
            help="Price of a bit when weights are clustered, in variances of a layer's weights; 0 for none. "
            "\\[default: the one that leads to the fewest bytes within --max-drop]"
        ),
    ] = None,
    max_drop: Annotated[
        float, typer.Option(help="Percentage points of accuracy (or of unchanged classes) that may be lost.")
    ] = 1.0,
    blocks: Annotated[
        str | None,
        typer.Option(metavar="ROWSxCOLUMNS", help="Prune blocks of weights: 1x4 (DSP), 4x1 (no DSP) or 1x16 (MVE)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Compress a trained network without training: magnitude pruning, weight sharing, a price on bits, integers.

    Example: tinybayes compress model.pt2 --calibration x.npz --out net.tbn --max-drop 0.5
    """
    from tinybayes import tbn
    from tinybayes.datasets.samples import read_file
    from tinybayes.post_training import compress_model

    if not out.parent.is_dir():
        raise UserError(f"--out {out}: there is no directory {out.parent}")
    samples = read_file(Path(calibration))
    with progress_bars(quiet=as_json) as show:
        found = compress_model(
            model,
            samples.x,
            samples.y,
            sparsity=sparsity,
            bits=bits,
            rate=rate,
            max_drop=max_drop,
            blocks=blocks,
            progress=lambda done, total: show("searching", done, total),
        )
    tbn.save(found.graph, out)
    figures = {**found.figures(), "file": str(out), "file_bytes": out.stat().st_size}
    if as_json:
        print_json(figures)
        return
    what = "accuracy lost" if found.labelled else "classes that changed"
    lines = [
        f"nonzero    {found.nonzero:,} of {found.weights:,} weights ({found.sparsity:.1%} are zero)",
        f"levels     at most {found.levels} a layer",
        f"{what}: {found.drop_points:.2f} points on {len(samples.x):,} calibration samples",
        f"bytes      {found.weights_bytes:,} with --objective flash on a Cortex-M4 ({_rate_line(found, rate)})",
        f"           {found.han_bytes:,} as Deep Compression counts (values, gaps and codebook, no biases), "
        f"{found.han_huffman_bytes:,} with Huffman codes but without their tables",
        f"{out}: {figures['file_bytes']:,} bytes",
    ]
    if found.advice:
        lines.append(f"note: {found.advice}")
    lines.append(f"next: tinybayes compile {out} --board mps2-an386 --out DIR")
    for line in lines:
        console().print(line, soft_wrap=True)


def _rate_line(found: "Compression", asked: float | None) -> str:
    if not found.rate:
        return "bits have no price" if asked == 0 else "no price on bits makes it smaller within --max-drop"
    saved = 1 - found.weights_bytes / found.without_rate_bytes
    return f"{found.without_rate_bytes:,} before bits had a price, {saved:.0%} saved at --rate {found.rate:g}"
