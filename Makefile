# `make` lists what there is. Every target sets up what it needs, on a machine with Python 3.11 and make.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV_READY := $(VENV)/.ready-dev
DEMO ?= regard-demo

.PHONY: help install demo test check format lint types map docs lock spark bench clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Regard needs Python 3.11 to 3.13, this is {v[0]}.{v[1]}; name another with: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(READY): $(BIN)/python requirements.lock pyproject.toml hatch_build.py package-lock.json
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(DEV_READY): $(READY) requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

install: $(READY)  ## set up .venv with the regard command

demo: $(READY)  ## a year of a fictional company, through the whole river, then the web page
	$(BIN)/regard demo $(DEMO)

test: $(DEV_READY)  ## all tests; sets up Chromium where it may
	@bash scripts/chromium.sh
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: format lint types map test docs  ## everything that continuous integration runs

format: $(DEV_READY)
	$(BIN)/ruff format --check src tests benchmarks scripts hatch_build.py

lint: $(DEV_READY)
	$(BIN)/ruff check src tests benchmarks scripts hatch_build.py

types: $(DEV_READY)
	$(BIN)/mypy

map: $(DEV_READY)
	$(BIN)/lint-imports --no-cache

docs: $(DEV_READY)  ## examples in docs and docstrings run, and nothing public is undocumented
	$(BIN)/python -m pytest tests/docs -q

lock: $(DEV_READY)  ## renew the hashed locks (no address in them)
	bash scripts/lock.sh

spark:  ## conformance on real Apache Spark: a standalone master and two workers (Java 17)
	bash scripts/spark.sh

bench: $(DEV_READY)  ## speed and memory; see docs/benchmarks.md
	$(BIN)/python benchmarks/all.py

clean:  ## remove what the targets made
	rm -rf $(VENV) .venv-* build dist $(DEMO) .pytest_cache .mypy_cache .ruff_cache
