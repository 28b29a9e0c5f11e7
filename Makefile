# make demo    set everything up and run the main job on real data
# make test    set everything up and run the tests
# make check   the slow checks too: full data sets, every example
# make bench   measure kernels against the bars they must keep
# make results  train every recipe for three seeds, or RECIPE=name for one, and draw its figures; resumable
# make plans   hold the chosen plans and their estimates against random plans; resumable, hours
# make matrix  every network of the test corpus on every board that QEMU emulates
# make kernels  every weight format, shape and core: on the host under sanitizers, on boards in QEMU; a quarter of an hour
# make faults  10,000 faults on the line between a client and each of three boards; no wrong result may be accepted; resumable
# make fuzz    ten minutes of fuzzing the frame parser and the commands
# make golden  rewrite the golden directories after a change of templates or kernels
# make clean   remove what the other targets made

PYTHON := .venv/bin/python
C_FILES := $(shell find firmware tinybayes tests -name '*.[ch]' -not -path 'tests/golden/*')

.PHONY: demo setup results plans test lint check bench faults fuzz matrix kernels golden clean

demo: setup
	.venv/bin/tinybayes demo

setup: .venv/ready

.venv/ready: pyproject.toml scripts/setup.sh
	./scripts/setup.sh
	touch $@

test: setup lint
	$(PYTHON) -m pytest -n auto -m "not slow"

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	clang-format --dry-run --Werror $(C_FILES)

check: setup lint
	$(PYTHON) -m pytest -n auto

bench: setup
	$(PYTHON) scripts/bench.py --json out/bench.json

plans: setup
	$(PYTHON) scripts/random_plans.py --json out/random_plans.json

results: setup
	$(PYTHON) scripts/make_examples.py $(or $(RECIPE),all) --seeds 0 1 2
	$(PYTHON) scripts/plot_compression.py

matrix: setup
	$(PYTHON) -m scripts.matrix

kernels: setup
	$(PYTHON) -m pytest -n auto tests/kernels/test_cells_on_host.py tests/emulated/test_kernels_on_cores.py

faults: setup
	$(PYTHON) -m scripts.link_faults --json out/faults.json
	$(PYTHON) -m scripts.link_faults --on qemu --boards microbit stm32vldiscovery --json out/faults_on_qemu.json

fuzz: setup
	$(PYTHON) -m scripts.fuzz

golden: setup
	$(PYTHON) -m pytest tests/golden --update-golden

clean:
	rm -rf .venv out dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
