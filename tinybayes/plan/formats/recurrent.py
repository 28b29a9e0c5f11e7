"""Both matrices of a recurrent operator in one weight format of fully connected layers, and the curve of its gates."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from tinybayes.errors import InternalError
from tinybayes.ir import Linear, Recurrent
from tinybayes.plan.formats import dense, huffman, index
from tinybayes.plan.formats.encoding import Encoding, Illegal, Site, WeightArray

PARTS = ("input", "state")
"""What the arrays and constants of the two matrices begin with."""
STATE_RANGE = {8: (-128, 127), 16: (-(2**15), 2**15 - 1)}
"""By bits, the range of the codes that the matrix of the state is multiplied with."""


@dataclass(frozen=True)
class RecurrentFormat:
    """Stores both matrices as ``encode`` stores that of a fully connected layer."""

    encode: Callable[[Linear, Site], Encoding | Illegal]

    def __call__(self, node: Recurrent, site: Site) -> Encoding | Illegal:
        """The encoding; illegal where either matrix is."""
        if node.curve is None:
            raise InternalError(f"{node.name}: not an integer layer")
        arrays: list[WeightArray] = []
        constants: dict[str, int] = {}
        name = ""
        for part, layer in zip(PARTS, (node.from_input, node.from_state), strict=True):
            made = self.encode(layer, site)
            if isinstance(made, Illegal):
                return Illegal(made.format, f"matrix of the {part}: {made.reason}")
            name = made.format
            arrays += [replace(array, name=f"{part}_{array.name}") for array in made.arrays]
            constants |= {f"{part}_{key}": value for key, value in made.constants.items()}
        arrays.append(WeightArray("curve", node.curve, "tables", "tanh(k / 16) 2^15"))
        return Encoding(name, tuple(arrays), constants)


def part_of(encoding: Encoding, part: str) -> Encoding:
    """The encoding of one matrix, its arrays and constants under the names that its kernel knows."""
    prefix = f"{part}_"
    arrays = (replace(a, name=a.name.removeprefix(prefix)) for a in encoding.arrays if a.name.startswith(prefix))
    constants = {k.removeprefix(prefix): v for k, v in encoding.constants.items() if k.startswith(prefix)}
    return Encoding(encoding.format, tuple(arrays), constants)


FORMATS = {
    dense.NAME: RecurrentFormat(dense.encode_linear),
    index.NAME: RecurrentFormat(index.encode_linear),
    huffman.NAME: RecurrentFormat(huffman.encode),
}
"""By name, the formats that recurrent operators can have."""
