"""Stands in for labgrid-client: the words, messages and exit statuses of labgrid 26.0 for acquire, show and release.

It was written from its manual page and source, and is not labgrid. The directory in LABGRID_STATE holds who has what.
"""

import os
import pprint
import sys
import textwrap
from pathlib import Path

say = lambda text: sys.stdout.write(f"{text}\n")  # noqa: E731
state = Path(os.environ["LABGRID_STATE"])
option, place, command = sys.argv[1:]
assert option == "-p"
acquired = state / f"{place}.acquired"
with (state / "log").open("a") as log:
    log.write(f"{command} {place}\n")
if place == "missing":
    sys.exit("labgrid-client: error: place pattern missing matches nothing")
if command == "acquire":
    if acquired.exists():
        owner = acquired.read_text()
        sys.exit(
            f"labgrid-client: error: You have already acquired place {place}."
            if owner == "me"
            else f"labgrid-client: error: Place {place} is already acquired by {owner}."
        )
    acquired.write_text("me")
    say(f"acquired place {place}")
elif command == "show":
    say(f"Place '{place}':\n  matches:\n    desk/*/*\n  acquired: here/me\n  acquired resources:")
    resources = {"power": {"cls": "NetworkPowerPort", "params": {"host": "pdu", "model": "netio"}}}
    if place != "dark":
        resources["serial"] = {
            "cls": "NetworkSerialPort",
            "params": {"host": "127.0.0.1", "port": int(os.environ["LABGRID_PORT"]), "speed": 115200, "extra": {}},
        }
    if place == "unplugged":
        resources["serial"]["params"]["port"] = None
    for name, resource in resources.items():
        say(f"Acquired resource '{name}' (desk/{place}/{resource['cls']}/{name}):")
        say(textwrap.indent(pprint.pformat({**resource, "acquired": place, "avail": True}), "  "))
elif command == "release":
    acquired.unlink()
    say(f"released place {place}")
