"""What a device says of a fault, in words."""

import struct

_RECORD = struct.Struct("<8I")

# Bits of the Configurable Fault Status Register, Armv7-M Architecture Reference Manual, B3.2.15.
_CAUSES = {
    0: "instruction fetch from memory that may not be executed",
    1: "data access that the memory protection unit forbids",
    3: "memory protection fault on return from an exception",
    4: "memory protection fault while an exception was taken",
    5: "memory protection fault while the floating-point state was saved",
    8: "bus error at an instruction fetch",
    9: "bus error at a data access",
    10: "bus error at an earlier data access",
    11: "bus error on return from an exception",
    12: "bus error while an exception was taken (the stack may have left the RAM)",
    13: "bus error while the floating-point state was saved",
    16: "undefined instruction",
    17: "branch to an address without the Thumb bit",
    18: "wrong value loaded into the program counter on return from an exception",
    19: "floating-point instruction while the unit is off",
    20: "stack overflow caught by the stack limit",
    24: "unaligned access",
    25: "division by zero",
}
_EXCEPTIONS = {2: "NMI", 3: "HardFault", 4: "MemManage", 5: "BusFault", 6: "UsageFault", 7: "SecureFault"}


def describe_fault(payload: bytes) -> str:
    """One line about the fault record that a device sent (firmware/fault.h: eight words)."""
    if len(payload) != _RECORD.size:
        return f"a fault, with a record of {len(payload)} bytes that cannot be read"
    pc, lr, xpsr, sp, exception, status, hard_status, address = _RECORD.unpack(payload)
    causes = [text for bit, text in _CAUSES.items() if status >> bit & 1]
    where = f" at address {address:#010x}" if address else ""
    name = _EXCEPTIONS.get(exception, f"exception {exception}")
    return (
        f"{name} at pc={pc:#010x}, lr={lr:#010x}: {' and '.join(causes) or 'cause not recorded'}{where} "
        f"(sp={sp:#010x}, xpsr={xpsr:#010x}, CFSR={status:#010x}, HFSR={hard_status:#010x})"
    )


def describe_failed_setup(payload: bytes) -> str:
    """One line about a step of the board's set-up that waited in vain, from the record that a device sent."""
    if len(payload) != _RECORD.size:
        return f"a failed set-up, with a record of {len(payload)} bytes that cannot be read"
    step, *_, address = _RECORD.unpack(payload)
    return (
        f"its set-up not complete: step {step} (counted from 0 in firmware/board_setup.c) waits in vain for the "
        f"register at {address:#010x}; is the board the one that the image was made for?"
    )
