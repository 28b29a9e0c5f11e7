"""ATen operators that look at a tensor in another way and compute nothing; ``HANDLERS`` is the list.

They only say where each element lies. What computes with it then reads it as it is, or moves it before.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tinybayes.frontend.chain import Chain
from tinybayes.frontend.program import Call, Symbol

Positions = npt.NDArray[np.int64]

SUPPORTED = (
    "view, reshape, flatten, permute, transpose, squeeze, unsqueeze, expand, select, slices, narrow, chunk and split "
    "of any dimension but the batch"
)


def reshape(chain: Chain, call: Call) -> None:
    """aten.view and aten.reshape to (batch, ...)."""
    sizes = call.arguments.get("size", call.arguments.get("shape"))
    if not isinstance(sizes, list) or len(sizes) < 2 or any(type(size) is not int for size in sizes[1:]):
        chain.refuse(call, f"to {sizes} is not supported: only to (batch, ...), with sizes that are known")
    before = _positions(chain, call)
    if sizes[0] != -1 and not isinstance(sizes[0], Symbol) and sizes[0] < 1:
        raise chain.damaged(call, f"a batch of {sizes[0]}")
    inner = tuple(sizes[1:])
    known = int(np.prod([size for size in inner if size != -1], dtype=np.int64))
    if inner.count(-1) > 1 or known < 1 or before.size % known or (-1 not in inner and known != before.size):
        chain.refuse(call, f"to (batch, {', '.join(map(str, inner))}) is not supported: the batch must stay as it is")
    chain.look_at(call, before.reshape(inner))


def flatten(chain: Chain, call: Call) -> None:
    """aten.flatten of dimensions behind the batch."""
    before = _positions(chain, call)
    rank = before.ndim + 1
    start, end = int(call.number("start_dim", 0)) % rank, int(call.number("end_dim", -1)) % rank
    if start == 0:
        chain.refuse(call, f"of dimensions {start} to {end} is not supported: the batch must stay as it is")
    shape = before.shape
    chain.look_at(call, before.reshape(*shape[: start - 1], -1, *shape[end:]))


def permute(chain: Chain, call: Call) -> None:
    """aten.permute; the batch stays first, or becomes the second dimension."""
    before, batch = _positions_and_batch(chain, call)
    rank = before.ndim + 1
    dims = call.arguments.get("dims")
    given = [d % rank for d in dims] if isinstance(dims, list) and all(type(d) is int for d in dims) else []
    if sorted(given) != list(range(rank)) or given.index(batch) > 1:
        chain.refuse(call, f"to {dims} is not supported: the batch must be the first or the second dimension")
    order = [d - (d > batch) for d in given if d != batch]
    chain.look_at(call, before.transpose(order), batch=given.index(batch))


def transpose(chain: Chain, call: Call) -> None:
    """aten.transpose; the batch stays first, or becomes the second dimension."""
    before, _ = _positions_and_batch(chain, call)
    dims = list(range(before.ndim + 1))
    one, other = (int(call.number(name, 0)) % len(dims) for name in ("dim0", "dim1"))
    dims[one], dims[other] = other, one
    permute(chain, replace(call, arguments={**call.arguments, "dims": dims}))


def squeeze(chain: Chain, call: Call) -> None:
    """aten.squeeze of dimensions of size 1."""
    before = _positions(chain, call)
    rank = before.ndim + 1
    dims = call.arguments.get("dim")
    given = {d % rank for d in (dims if isinstance(dims, list) else [dims]) if type(d) is int}
    if not given or 0 in given:
        chain.refuse(call, f"of dimension {dims} is not supported: name dimensions behind the batch")
    chain.look_at(call, before.squeeze(tuple(d - 1 for d in given if before.shape[d - 1] == 1)))


def unsqueeze(chain: Chain, call: Call) -> None:
    """aten.unsqueeze: a further dimension of size 1 behind the batch."""
    before = _positions(chain, call)
    dim = int(call.number("dim", 0)) % (before.ndim + 2)
    if dim == 0:
        chain.refuse(call, "before the batch is not supported")
    chain.look_at(call, np.expand_dims(before, dim - 1))


def expand(chain: Chain, call: Call) -> None:
    """aten.expand: dimensions of size 1 behind the batch repeated."""
    before = _positions(chain, call)
    sizes = call.arguments.get("size")
    if not isinstance(sizes, list) or len(sizes) != before.ndim + 1 or any(type(size) is not int for size in sizes[1:]):
        chain.refuse(call, f"to {sizes} is not supported: only to (batch, ...), with as many dimensions as before")
    wanted = tuple(old if new == -1 else new for old, new in zip(before.shape, sizes[1:], strict=True))
    if any(old not in (1, new) or new < 1 for old, new in zip(before.shape, wanted, strict=True)):
        raise chain.damaged(call, f"from {before.shape} to {wanted}")
    chain.look_at(call, np.broadcast_to(before, wanted))


def select(chain: Chain, call: Call) -> None:
    """aten.select of one element of a dimension."""
    before, batch = _positions_and_batch(chain, call)
    axis, index = _dimension(chain, call, before, "dim", batch), int(call.number("index", 0))
    if not -before.shape[axis] <= index < before.shape[axis]:
        raise chain.damaged(call, f"element {index} of {before.shape[axis]}")
    chain.look_at(call, np.asarray(before.take(index, axis)), batch=batch and int(axis > 0))


def cut(chain: Chain, call: Call) -> None:
    """aten.slice and aten.narrow: some elements of a dimension."""
    before, batch = _positions_and_batch(chain, call)
    start, end, step = call.arguments.get("start"), call.arguments.get("end"), int(call.number("step", 1))
    if call.operator == "narrow":
        start, end = int(call.number("start", 0)), int(call.number("start", 0)) + int(call.number("length", 0))
    if start in (None, 0) and (end is None or end >= 2**31) and step == 1:
        chain.look_at(call, before, batch=batch)
        return
    axis = _dimension(chain, call, before, "dim", batch)
    if any(type(bound) not in (int, type(None)) for bound in (start, end)) or step < 1:
        chain.refuse(call, f"from {start} to {end} by {step} is not supported: bounds must be known")
    chosen = range(before.shape[axis])[slice(start, end, step)]
    if not chosen:
        chain.refuse(call, "takes nothing")
    chain.look_at(call, before.take(np.array(chosen), axis), batch=batch)


def split(chain: Chain, call: Call) -> None:
    """aten.split, aten.split_with_sizes and aten.chunk: a dimension in parts, one behind the other."""
    before = _positions(chain, call)
    axis = _dimension(chain, call, before, "dim")
    size = before.shape[axis]
    sizes = call.arguments.get("split_sizes")
    if sizes is None:
        pieces = int(call.number("chunks", 0))
        each = -(-size // pieces) if pieces > 0 else int(call.number("split_size", 0))
        if each < 1:
            raise chain.damaged(call, f"parts of {each} elements")
        sizes = [min(each, size - start) for start in range(0, size, each)]
    whole = isinstance(sizes, list) and all(type(part) is int and part > 0 for part in sizes) and sum(sizes) == size
    if not whole or len(sizes) != len(call.results):
        raise chain.damaged(call, f"{len(call.results)} parts {sizes} of {size} elements")
    chain.look_at(call, *np.split(before, np.cumsum(sizes)[:-1], axis))


def _positions(chain: Chain, call: Call) -> Positions:
    return chain.positions(call, "self" if "self" in call.arguments else "input")


def _positions_and_batch(chain: Chain, call: Call) -> tuple[Positions, int]:
    return chain.positions_and_batch(call, "self" if "self" in call.arguments else "input")


def _dimension(chain: Chain, call: Call, before: Positions, argument: str, batch: int = 0) -> int:
    dim = int(call.number(argument, 0)) % (before.ndim + 1)
    if dim == batch:
        chain.refuse(call, "of the batch is not supported")
    return dim - (dim > batch)


HANDLERS: dict[str, Callable[[Chain, Call], None]] = {
    **dict.fromkeys(("view", "reshape", "_unsafe_view"), reshape),
    "flatten": flatten,
    "squeeze": squeeze,
    "unsqueeze": unsqueeze,
    "select": select,
    "expand": expand,
    "slice": cut,
    "narrow": cut,
    **dict.fromkeys(("split", "split_with_sizes", "chunk"), split),
}
