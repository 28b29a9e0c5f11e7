"""Talking to a device: frames, a link that retries, and a client with one method a command."""

from tinybayes.hil.frames import Frame, decode_frame, encode_frame
from tinybayes.hil.link import Link
from tinybayes.hil.session import DeviceIdentity, Inference, Profile, Session, StackUse

__all__ = [
    "DeviceIdentity",
    "Frame",
    "Inference",
    "Link",
    "Profile",
    "Session",
    "StackUse",
    "decode_frame",
    "encode_frame",
]
