"""Fuzzes the frame parser and the commands of the firmware for a while; exits with 1 at a finding.

    make fuzz
    python -m scripts.fuzz --seconds 600 [--keep]

With --keep the corpus in tests/fuzz/corpus is replaced by the smallest one with the same coverage.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.fuzzer import CORPUS, build_fuzzer, run_fuzzer


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work_name:
        work = Path(work_name)
        program = build_fuzzer(work)
        try:
            said = run_fuzzer(program, work, seconds=options.seconds, seed=options.seed)
        except subprocess.CalledProcessError as error:
            sys.exit(f"{error.stdout}\n{error.stderr}")
        print("\n".join(line for line in said.splitlines() if "DONE" in line or "Done" in line))
        if options.keep:
            merged = work / "merged"
            merged.mkdir()
            subprocess.run([program, "-merge=1", merged, work / "found", CORPUS], check=True, capture_output=True)
            for file in CORPUS.iterdir():
                file.unlink()
            for file in sorted(merged.iterdir()):
                (CORPUS / file.name).write_bytes(file.read_bytes())
            print(f"{len(list(CORPUS.iterdir()))} inputs kept")


if __name__ == "__main__":
    main()
