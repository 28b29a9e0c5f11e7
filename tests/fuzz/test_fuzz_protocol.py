"""A short run of the fuzzer; `make fuzz` runs ten minutes."""

import re

import pytest

from tests.fuzz.fuzzer import CORPUS, build_fuzzer, has_clang, run_fuzzer

pytestmark = pytest.mark.skipif(not has_clang(), reason="clang is not installed")


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory):
    return build_fuzzer(tmp_path_factory.mktemp("fuzzer"))


def test_the_parser_and_the_commands_survive_what_the_fuzzer_finds(fuzzer, tmp_path):
    said = run_fuzzer(fuzzer, tmp_path, runs=20_000)
    match = re.search(r"DONE +cov: (\d+)", said)
    assert match is not None and int(match[1]) > 150, said[-500:]


def test_the_corpus_is_small():
    sizes = [file.stat().st_size for file in CORPUS.iterdir()]
    assert len(sizes) >= 10 and sum(sizes) < 100_000
