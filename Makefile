# The two commands of the README need nothing but this file and Python 3.11 or newer:
#   make demo    watch a simulated camera give up its footage
#   make test    format, lint, types, import contracts, tests, the built wheel
# A third one needs some of Debian's programs, and says which:
#   make test-stack    serial, USB and BLE through an unmodified Linux kernel, in a virtual machine
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test test-stack lint types imports generated unit wheel bench docs clean

help:
	@sed -n 's/^#   //p' Makefile

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bwc-sdk needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setting up $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY)
	@$(BIN)/bwc demo

test: lint types imports generated unit wheel

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

imports: $(READY)
	$(BIN)/lint-imports

generated: $(READY)
	$(BIN)/python -m tools.generate.sync_twin --check
	$(BIN)/python -m tools.generate.spec_tables --check

unit: $(READY)
	$(BIN)/pytest -n auto -q

wheel: $(READY)
	$(BIN)/python -m tools.check_wheel

test-stack: $(READY)
	@$(BIN)/python -m tools.stack

bench: $(READY)
	$(BIN)/python -m tools.bench

docs: $(READY)
	$(BIN)/python -m tools.generate.sync_twin
	$(BIN)/python -m tools.generate.spec_tables
	$(BIN)/python -m tools.generate.record_vectors

clean:
	rm -rf $(VENV) build dist demo-out
