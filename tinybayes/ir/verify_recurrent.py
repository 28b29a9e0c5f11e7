"""What must hold of a recurrent operator."""

from collections.abc import Callable

import numpy as np

from tinybayes.ir.nodes import Linear, Lstm, Recurrent
from tinybayes.ir.tensor import Tensor

CURVE_INTERVALS = 128
STATE_BITS = (8, 16)
FRACTION_BITS = 12
"""Binary places of what the curve takes; pre-activations and cells may have fewer, for more range."""
_LARGEST_STATE = {8: 128, 16: 2**15}

Check = Callable[[bool, str, str], None]


def check_recurrent(node: Recurrent, source: Tensor, target: Tensor, check: Check, limit: int) -> None:
    """Calls ``check`` with what must hold; ``limit`` bounds accumulators."""
    units, rows = node.units, node.from_input.outputs
    check(len(source.shape) == 2, node.name, f"reads a series (time, channels), got {source.shape}")
    check(rows == node.from_state.outputs == units * node.gates > 0, node.name, f"{rows} rows for {units} units")
    written = (units,) if node.last_only else (source.shape[0], units)
    check(target.shape == written, node.name, f"writes {written}, its tensor is {target.shape}")
    for layer, columns in ((node.from_input, source.channels), (node.from_state, units)):
        check(layer.weight.shape == (rows, 1, 1, columns), node.name, f"matrix {layer.weight.shape}, {columns} columns")
        check(layer.bias.shape == (rows,), node.name, f"biases {layer.bias.shape} for {rows} rows")
    if not target.is_integer:
        for layer in node.weighted:
            check(bool(np.isfinite(layer.matrix).all() and np.isfinite(layer.bias).all()), node.name, "not finite")
        return
    check(node.state_bits in STATE_BITS, node.name, f"{node.state_bits} bits of state, wanted 8 or 16")
    check(0 <= node.gate_fraction_bits <= FRACTION_BITS, node.name, "binary places of gates not in 0..12")
    if isinstance(node, Lstm):
        check(0 <= node.cell_fraction_bits <= FRACTION_BITS, node.name, "binary places of cells not in 0..12")
    check(1 <= node.output_shift <= 8, node.name, f"output shift {node.output_shift} not in 1..8")
    scale = 2.0 ** (node.output_shift - 15)
    check((target.dtype, target.scale) == ("int8", scale), node.name, f"writes int8 with scale {scale}")
    curve = node.curve
    if curve is None or curve.shape != (CURVE_INTERVALS + 1,) or curve.dtype != np.int16:
        check(False, node.name, f"a curve has {CURVE_INTERVALS + 1} entries, int16")
        return
    rises = curve[0] == 0 and bool(np.all(np.diff(curve.astype(np.int64)) >= 0))
    check(rises, node.name, "the curve rises from 0")
    largest = max(abs(code) for code in source.code_range)
    _gates(node, node.from_input, largest, check, limit)
    _gates(node, node.from_state, _LARGEST_STATE[node.state_bits], check, limit)


def _gates(node: Recurrent, layer: Linear, largest: int, check: Check, limit: int) -> None:
    check(layer.weight.dtype == np.int8 and layer.bias.dtype == np.int32, node.name, "int8 weights, int32 biases")
    scale, requant = layer.weight_scale, layer.requant
    check(scale is not None and scale.size in (1, layer.outputs), node.name, "one weight scale, or one a row")
    if requant is None:
        check(False, node.name, "an integer matrix has no requantization")
        return
    check(requant.multiplier.size in (1, layer.outputs), node.name, "one multiplier, or one for each row")
    inside = bool(np.all((requant.multiplier >= 1) & (requant.multiplier < 2**15)))
    check(inside, node.name, "multiplier not in 1..32767")
    check(0 <= requant.pre_shift <= 24 and 1 <= requant.post_shift <= 30, node.name, "shifts not in 0..24 and 1..30")
    check((requant.low, requant.high) == (-(2**15), 2**15 - 1), node.name, "pre-activations are clamped to 16 bits")
    sums = np.abs(layer.matrix.astype(np.int64)).sum(axis=1) * largest + np.abs(layer.bias.astype(np.int64))
    check(int(sums.max(initial=0)) <= limit, node.name, "the accumulator can exceed 30 bits")
