# Two commands: `make demo` shows what gensup does, `make test` proves that it works. Both make .venv and install first.
PYTHON ?= python3
# Installing compiles nothing, which halves its time: what is imported is compiled then, and kept for the next process.
export PYTHONDONTWRITEBYTECODE =
PIP := -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
BIN := .venv/bin
JOBS ?= 2

.PHONY: demo test check pytest clean

demo: .venv/installed
	$(BIN)/python -m benchmarks.demo

# What reads the code and what runs it, side by side.
test: .venv/installed-dev
	@$(MAKE) --no-print-directory --jobs=2 check pytest

pytest: .venv/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

clean:
	rm -rf .venv demo build dist

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gensup needs Python 3.11 or newer: make PYTHON=...")'
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python $(PIP) -e .
	@touch $@

.venv/installed-dev: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python $(PIP) -e '.[dev]'
	@touch .venv/installed $@
