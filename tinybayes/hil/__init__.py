"""Talking to a device: frames, a link that retries, and a client with one method a command."""

from tinybayes.hil.frames import Frame, decode_frame, encode_frame
from tinybayes.hil.link import Link
from tinybayes.hil.messages import DeviceIdentity, Inference, LastFault, Profile, SelfTest, StackUse
from tinybayes.hil.session import Session

__all__ = [
    "DeviceIdentity",
    "Frame",
    "Inference",
    "LastFault",
    "Link",
    "Profile",
    "SelfTest",
    "Session",
    "StackUse",
    "decode_frame",
    "encode_frame",
]
