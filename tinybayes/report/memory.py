"""What a build adds to the record: flash, RAM and stack, to the byte."""

from tinybayes.build.account import LAYER, NETWORK, Account, records
from tinybayes.build.image import Image
from tinybayes.build.stack import StackBound
from tinybayes.report.record import Record


def record_image(record: Record, image: Image, account: Account, whole: StackBound, network: StackBound) -> None:
    """Puts an image's figures into ``record``: ``whole`` is the image's stack, ``network`` that of one inference."""
    _record_code(record, image, account)
    flash, ram = record["flash"], record["ram"]
    flash.update(other_bytes=image.other_bytes, image_bytes=image.image_bytes, parts=records(account.flash))
    total_bytes = None if whole.size_bytes is None else image.static_ram_bytes + whole.size_bytes
    ram.update(
        static_bytes=image.static_ram_bytes - ram["arena_bytes"],
        stack_bytes=whole.size_bytes,
        total_bytes=total_bytes,
        reserved_stack_bytes=image.reserved_stack_bytes,
        stack_chain=[{"function": name, "bytes": size_bytes} for name, size_bytes in whole.chain],
        stack_unbounded=whole.reason or None,
        network_stack_bytes=network.size_bytes,
        parts=records(account.ram),
    )


def record_library(record: Record, image: Image, account: Account, network: StackBound) -> None:
    """Puts the figures of a library into ``record``; there is no image, so what belongs to one stays null."""
    _record_code(record, image, account)
    record["flash"]["parts"] = records(part for part in account.flash if part.group in (LAYER, NETWORK))
    record["ram"]["network_stack_bytes"] = network.size_bytes


def _record_code(record: Record, image: Image, account: Account) -> None:
    record["flash"]["code_bytes"] = image.network_bytes - record["flash"]["weights_bytes"]
    for layer in record["layers"]:
        by_kind = account.code_bytes(layer["name"])
        layer["code_bytes"] = sum(by_kind.values())
        layer["code_bytes_by_kind"] = by_kind
