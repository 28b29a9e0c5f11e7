"""Measures whether tANS would store layers in fewer bytes than the Huffman format does: stream, tables and decoder.

Run: .venv/bin/python scripts/measure_tans.py

Both code the bucket of each gap and the level of each value, with the extra bits of gaps as they are; both choose their
table sizes by exact bytes. A tANS state is counted with two bytes, what the decoder in scripts/tans_decoder.c reads:
for gaps bucket, width and base, for values a number for the level (whose weights take a byte each), width and base. The
decoders are compiled for a Cortex-M4 and a Cortex-M0 and counted once a layer, as kernels are inlined.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.networks import Builder
from tinybayes import tbn
from tinybayes.coding import gap_buckets, gaps_from_positions, state_counts, tans_encode, tans_table
from tinybayes.ir import MacNode
from tinybayes.plan.formats import Encoding, Site, huffman

ROOT = Path(__file__).parents[1]
STATE_BYTES = 2
MAX_TABLE_BITS = 8
CORES = {"m4": ("-mcpu=cortex-m4",), "m0": ("-mcpu=cortex-m0",)}


def decoder_bytes(name: str, core: str) -> int:
    """Code of a function of scripts/tans_decoder.c."""
    with TemporaryDirectory() as work:
        target = Path(work) / "decoder.o"
        source = ROOT / "scripts" / "tans_decoder.c"
        flags = ["-std=c11", "-mthumb", "-O2", "-ffunction-sections", "-I", str(ROOT / "firmware" / "runtime")]
        subprocess.run(["arm-none-eabi-gcc", *CORES[core], *flags, "-c", source, "-o", target], check=True)
        lines = subprocess.run(
            ["arm-none-eabi-nm", "-S", target], check=True, capture_output=True, text=True
        ).stdout.splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.endswith(f" {name}"))


def tans_bytes(symbols: list[int]) -> tuple[float, int]:
    """(bytes of the stream, bytes of the table) of the smaller of both together over all table sizes."""
    frequencies = np.bincount(symbols).tolist()
    used = sum(frequency > 0 for frequency in frequencies)
    choices = []
    for table_bits in range(max(1, (used - 1).bit_length()), MAX_TABLE_BITS + 1):
        table = tans_table(state_counts(frequencies, table_bits), table_bits)
        choices.append((len(tans_encode(symbols, table)), STATE_BYTES << table_bits))
    return min(choices, key=sum)


def layers() -> Iterator[tuple[str, MacNode]]:
    """The layers of the examples, and random ones of several sizes with levels as often as a bell curve has them."""
    for path in sorted((ROOT / "examples").glob("*.tbn")):
        for node in tbn.load(path).mac_nodes:
            yield f"{path.stem} {node.name}", node
    rng = np.random.default_rng(0)
    for rows, columns, density, levels in (
        (64, 256, 0.1, 7), (64, 256, 0.1, 15), (100, 300, 0.05, 15), (300, 784, 0.02, 15), (300, 784, 0.1, 3),
        (300, 784, 0.1, 15), (500, 800, 0.1, 15),
    ):  # fmt: skip
        chain = Builder(rng, (columns,), density, 3).linear(rows)
        node = chain.nodes[0]
        assert isinstance(node, MacNode)
        bell = np.clip(np.round(rng.normal(0, levels / 5, node.weight.shape)), -(levels // 2), levels // 2)
        bell[bell == 0] = levels // 2 + 1
        object.__setattr__(node, "weight", (bell * (node.weight != 0)).astype(np.int8))
        yield f"random {rows}x{columns}, {density:.0%}, {levels} levels", node


def main() -> None:
    """Prints a row for each layer: bytes of both, and by how much tANS is smaller."""
    codes = {core: [decoder_bytes(name, core) for name in ("decode_huffman", "decode_tans")] for core in CORES}
    print("decoder bytes (Huffman, tANS):", ", ".join(f"{core} {a}, {b}" for core, (a, b) in codes.items()))
    extra = codes["m4"][1] - codes["m4"][0]
    print(
        f"| layer | nonzeros | Huffman stream | tables | tANS stream | tables | tANS smaller by, with {extra} of code |"
    )
    print("|---|---|---|---|---|---|---|")
    sums = [0, 0]
    for name, node in layers():
        made = huffman.encode(node, Site())
        if not isinstance(made, Encoding):
            continue
        sizes = {array.name: array.size_bytes for array in made.arrays}
        flat = node.weight.reshape(-1).astype(np.int64)
        positions = np.append(np.flatnonzero(flat), flat.size)
        buckets, extras = gap_buckets(gaps_from_positions(positions)[1:])  # the first nonzero is a constant of the code
        levels, symbols = np.unique(flat[positions[:-1]], return_inverse=True)
        del extras
        gap_stream, gap_table = tans_bytes(buckets.tolist())
        value_stream, value_table = tans_bytes(symbols[1:].tolist())
        plain = int(buckets.sum() + 7) // 8
        stream = 4 * ((gap_stream + value_stream + plain) // 4 + 2)  # words, and one to read ahead, as Huffman's
        tables = gap_table + value_table + levels.size
        coded = sizes["stream"], sizes["gap_table"] + sizes["value_table"]
        gain = sum(coded) - stream - tables - extra
        if not name.startswith("random"):
            sums[0] += sum(coded)
            sums[1] += stream + tables
        print(f"| {name} | {node.nonzero} | {coded[0]} | {coded[1]} | {stream} | {tables} | {gain} |", flush=True)
    print(f"examples: Huffman {sums[0]}, tANS {sums[1]} bytes without code")


if __name__ == "__main__":
    main()
