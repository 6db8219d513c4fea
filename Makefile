# Every target sets up .venv itself; it needs python3 3.11 or later, and no more.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
BENCHES = $(patsubst bench/%.py,%,$(filter-out bench/__init__.py bench/harness.py bench/compiled.py,$(wildcard bench/*.py)))

.PHONY: demo test lint bench compiled

demo: $(READY)
	PATH="$(CURDIR)/$(BIN):$$PATH" examples/demo.sh

test: $(READY)
	$(BIN)/python -m pytest -n 2

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m dcmtools.cli.docgen --check

# Each bench runs, whatever the others say; one missed goal fails the target in the end.
bench: $(READY)
	@status=0; for bench in $(BENCHES); do \
	  echo "== $$bench"; $(BIN)/python -m "bench.$$bench" || status=1; \
	done; exit $$status

# The hot modules compiled with mypyc, in build/compiled: the tests on them, and what they gain. Nothing is shipped.
compiled: $(READY)
	$(BIN)/python mypyc_build.py
	cd build/compiled && PYTHONPATH="$$PWD" ../../$(BIN)/python -m pytest -n 2
	$(BIN)/python -m bench.compiled

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "dcmtools needs Python 3.11 or later; name one: make PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@
