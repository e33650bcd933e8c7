# The two commands of the README need nothing but this file and Python 3.11 or newer:
#   make demo    watch a simulated camera give up its footage
#   make test    format, lint, types, import contracts, tests, the built wheel: what everybody runs
# One more is for the night, one for readers, and one needs some of Debian's programs, and says which:
#   make night         what is slow and true: soaks, chaos, hundreds of thousands of seeds, scale
#   make docs-site     the pages and the API reference as a site, built strictly
#   make test-stack    serial, USB and BLE through an unmodified Linux kernel, in a virtual machine
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# How much is tried: test, ci or night (CONTRIBUTING.md, "Three tiers")
TIER ?= test

.DEFAULT_GOAL := help
.PHONY: help demo test night test-stack lint types imports generated unit wheel bench docs docs-site clean

help:
	@sed -n 's/^#   //p' Makefile

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bwc-sdk needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setting up $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all]' --group dev
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
	$(BIN)/python -m tools.generate.subjects --check
	$(BIN)/python -m tools.generate.sync_twin --check
	$(BIN)/python -m tools.generate.spec_tables --check
	$(BIN)/python -m tools.generate.c_tables --check
	$(BIN)/python -m tools.generate.dissector --check
	$(BIN)/python -m tools.generate.house --check
	$(BIN)/python -m tools.generate.conformance_table --check

unit: $(READY)
	$(BIN)/pytest -n auto --dist worksteal -q --tier $(TIER)

wheel: $(READY)
	$(BIN)/python -m tools.check_wheel $(if $(filter test,$(TIER)),,--every-extra)

# Nothing ends it at the first failure: a night's other findings are worth having.
night: $(READY)
	$(BIN)/pytest -n auto --dist worksteal -q --tier night

test-stack: $(READY)
	@$(BIN)/python -m tools.stack

bench: $(READY)
	$(BIN)/python -m tools.bench

docs: $(READY)
	$(BIN)/python -m tools.generate.subjects
	$(BIN)/python -m tools.generate.sync_twin
	$(BIN)/python -m tools.generate.spec_tables
	$(BIN)/python -m tools.generate.write_vectors
	$(BIN)/python -m tools.generate.c_tables
	$(BIN)/python -m tools.generate.dissector
	$(BIN)/python -m tools.generate.house
	$(BIN)/python -m tools.generate.shell_files
	$(BIN)/python -m tools.generate.conformance_table

docs-site: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group docs
	$(BIN)/python -m tools.generate.docs_site

clean:
	rm -rf $(VENV) build dist demo-out
