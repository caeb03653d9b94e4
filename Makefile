# hookflash: what can be made here. `make` alone lists the targets.
# Every target sets up its own environment in .venv; Python 3.11 or newer, git and make are enough.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3.14 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
KILLS ?= 500
# Tests are shared among this many processes: one for each core, two at least.
WORKERS ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((cores > 2 ? cores : 2)))
PYTEST := -m pytest -q -n $(WORKERS) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo test simulate simulate-mutants crash lint types coverage docs traceability bench wheel clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

$(READY): pyproject.toml constraints.txt
	@echo "== setting up the environment in $(VENV) with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hookflash needs Python 3.11 or newer; say which with: make PYTHON=/path/to/python3.11 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . --group dev
	@touch $(READY)

demo: $(READY) ## hold and unhold against the embedded simulator, over real TLS sockets
	@echo "== running the demo"
	@$(BIN)/hookflash demo --out demo-output

test: $(READY) ## run the tests
	@echo "== running the tests"
	@$(BIN)/python $(PYTEST) $(ARGS)

crash: $(READY) ## kill the service at random moments: KILLS=500, ARGS="--seed 17"
	@echo "== killing the service $(KILLS) times"
	@$(BIN)/python -m tests.crash.run --kills $(KILLS) $(ARGS)

SEEDS ?= 1000
simulate: $(READY) ## the fault simulation: SEEDS=10000 runs that many, SEED=7 just that one
	@$(BIN)/python -W error -m tests.simulation.explore $(if $(SEED),--first $(SEED) --seeds 1 --workers 1,--seeds $(SEEDS))

simulate-mutants: $(READY) ## does the simulation notice rules that are switched off?
	@$(BIN)/python -W error -m tests.simulation.explore --mutants

lint: $(READY) ## ruff, flake8-async and the rooms
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/flake8 --select ASYNC102,ASYNC103,ASYNC104 engine adapters machines
	@$(BIN)/lint-imports

types: $(READY) ## mypy strict and pyright strict
	@$(BIN)/mypy
	@$(BIN)/pyright

coverage: $(READY) ## the tests under branch coverage, with the bounds of the project
	@$(BIN)/coverage erase
	@$(BIN)/coverage run $(PYTEST) $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --fail-under=95 --skip-covered
	@$(BIN)/coverage report --fail-under=100 --include='machines/*' --skip-covered

docs: $(READY) ## the documentation as a site, in site/; warnings are errors
	@echo "== building the documentation"
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@echo "site: $(CURDIR)/site/index.html"

traceability: $(READY) ## which tests exercise which rows: runs them and writes it down
	@$(BIN)/python $(PYTEST) tests/machines -p hookflash.adapters.documents.tracing --trace-rows specs
	@$(BIN)/hookflash docs

bench: $(READY) ## benchmarks: ratios measured in one run
	@$(BIN)/python tests/benchmarks/bench_step.py
	@$(BIN)/python tests/benchmarks/bench_pipeline.py
	@$(BIN)/python tests/benchmarks/bench_memory.py
	@$(BIN)/python tests/benchmarks/bench_journal.py
	@$(BIN)/python tests/benchmarks/bench_rules.py
	@$(BIN)/python tests/benchmarks/bench_replay.py --events 300000

wheel: $(READY) ## build the wheel into dist/
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w dist .

clean: ## remove what was made
	rm -rf $(VENV) dist build site demo-output .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
