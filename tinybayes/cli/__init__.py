"""The command line: the only package that prints or exits.

Heavy modules are imported inside the commands that use them, so that ``--help`` answers at once.
"""

from tinybayes.cli.app import main

__all__ = ["main"]
