import os
import subprocess
import sys
from pathlib import Path

import pytest

from tinybayes.run.one_cpu import on_one_cpu

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system keeps no process on a CPU")


@pytest.fixture
def start():
    """Starts a process on one CPU; its number, and that of the CPU."""
    started = []

    def start_one():
        with on_one_cpu():
            process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        started.append(process)
        (cpu,) = os.sched_getaffinity(process.pid)
        return process.pid, cpu

    yield start_one
    for process in started:
        process.kill()
        process.wait()


def test_what_is_started_stays_on_one_of_our_cpus_and_we_on_all_of_them(start):
    ours = os.sched_getaffinity(0)
    _, cpu = start()
    assert cpu in ours
    assert os.sched_getaffinity(0) == ours


def test_processes_take_a_cpu_each_while_there_are_any(start, monkeypatch):
    ours = os.sched_getaffinity(0)
    known = []
    # Only what is started here counts: where others are kept at this moment is not known.
    monkeypatch.setattr(Path, "iterdir", lambda _: iter([Path("/proc/self"), *known]))
    cpus = set()
    for _ in ours:
        pid, cpu = start()
        known.append(Path(f"/proc/{pid}"))
        cpus.add(cpu)
    assert cpus == ours


def test_a_caller_on_one_cpu_keeps_it(start):
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(ours)})
    try:
        assert start()[1] == min(ours)
    finally:
        os.sched_setaffinity(0, ours)
