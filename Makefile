# `make` prints its targets. Everything runs from .venv, which `make install` makes.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help install fmt lint types imports check test demo serve clean
help: ## print the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

install: $(STAMP) ## make .venv with the ondol command (needs Python 3.11+ and a package index)

$(STAMP): requirements/dev.txt requirements/uv.txt pyproject.toml $(wildcard shared/kernels/*.c)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode --python $(BIN)/python requirements/dev.txt
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	$(BIN)/python -m shared.kernels.build
	touch $(STAMP)

fmt: install ## format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lint: install ## lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install ## strict type check
	$(BIN)/mypy

imports: install ## who may import whom
	$(BIN)/lint-imports

check: lint types imports ## all static checks

test: install ## all tests but the long ones
	$(BIN)/pytest -m "not slow and not ops"

demo: install ## a synthetic market, the ten strategies, a table
	$(BIN)/ondol demo --exit

clean: ## remove what make made
	rm -rf .venv var
