"""The compressed-network file (NET.tbn): versioned, checksummed, entropy-coded; docs/tbn.md has the layout."""

from tinybayes.tbn.container import FORMAT_VERSION
from tinybayes.tbn.read import load, loads
from tinybayes.tbn.write import dumps, save

__all__ = ["FORMAT_VERSION", "dumps", "load", "loads", "save"]
