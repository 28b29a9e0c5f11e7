"""Entropy coding: bit streams, canonical Huffman codes, tANS, gaps between nonzeros, and a reproducible DEFLATE."""

from tinybayes.coding.bits import BitReader, BitWriter, EndOfBitsError
from tinybayes.coding.deflate import deflate
from tinybayes.coding.gaps import gap_buckets, gaps_from_buckets, gaps_from_positions, positions_from_gaps
from tinybayes.coding.huffman import (
    CanonicalDecoder,
    canonical_codes,
    check_lengths,
    code_lengths,
    coded_bits,
    is_complete,
    lookup_table,
)
from tinybayes.coding.tans import TansTable, state_counts, tans_decode, tans_encode, tans_table

__all__ = [
    "BitReader",
    "BitWriter",
    "CanonicalDecoder",
    "EndOfBitsError",
    "TansTable",
    "canonical_codes",
    "check_lengths",
    "code_lengths",
    "coded_bits",
    "deflate",
    "gap_buckets",
    "gaps_from_buckets",
    "gaps_from_positions",
    "is_complete",
    "lookup_table",
    "positions_from_gaps",
    "state_counts",
    "tans_decode",
    "tans_encode",
    "tans_table",
]
