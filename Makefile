# `make` prints its targets. Everything runs from .venv, which `make install` makes.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# modules are compiled once, not by every process that the tests start
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install fmt lint types imports repository check test search sanitize fuzz test-ops test-containers secrets dashboards lock audit up down demo serve web test-web bench faults laws clean
help: ## print the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-15s %s\n", $$1, $$2}'

install: $(STAMP) ## make .venv with the ondol command (needs Python 3.11+ and a package index)

$(STAMP): requirements/dev.txt requirements/uv.txt pyproject.toml $(wildcard shared/native/*.c shared/native/*.h)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode --python $(BIN)/python requirements/dev.txt
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
	$(BIN)/python -m shared.native.build
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

repository: install ## words, links and paths of pages, test names, commit subjects
	$(BIN)/python ops/check_repository.py

check: lint types imports repository ## all static checks

test: install ## all tests but the long ones
	$(BIN)/pytest -n $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )) --dist worksteal -m "not slow and not ops and not live"

sanitize: install ## unit, property and fuzz tests over C kernels with AddressSanitizer and UBSan (needs gcc)
	$(BIN)/python ops/sanitize.py

fuzz: install ## many more random inputs for codec and result encoding, with the sanitizers
	$(BIN)/python ops/sanitize.py tests/fuzz --hypothesis-profile fuzz

search: install ## compare engine and reference on random markets and requests (SECONDS=300 SEED=n)
	$(BIN)/python -m tests.conformance.search --seconds $(or $(SECONDS),300) $(if $(SEED),--seed $(SEED))

test-ops: install ## a real Prometheus scrapes the system (Debian's package prometheus)
	@command -v prometheus promtool >/dev/null || { echo "install Debian's package prometheus first: apt-get install prometheus"; exit 1; }
	cd ops/prometheus && promtool check config --syntax-only prometheus.yaml && promtool test rules alerts.test.yaml
	$(BIN)/pytest -m ops

test-containers: install .venv-containers/.installed ## scale, kill and upgrade the containers with podman (needs root; CONTAINERS="--backtests 3000")
	$(BIN)/python -m tests.containers $(CONTAINERS)

.venv-containers/.installed: requirements/containers.txt $(STAMP)
	test -x .venv-containers/bin/python || $(PYTHON) -m venv .venv-containers
	$(BIN)/uv pip sync --quiet --require-hashes --python .venv-containers/bin/python requirements/containers.txt
	touch $@

secrets: ## write the secrets of compose.yaml into ./secrets (needs Python alone)
	$(PYTHON) ops/write_secrets.py

dashboards: install ## write the Grafana dashboards from their description
	$(BIN)/python ops/grafana/generate.py

lock: install ## pin every package by hash from requirements/*.in
	for name in runtime dev bench web uv containers; do $(BIN)/uv pip compile --quiet --upgrade --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links -o requirements/$$name.txt requirements/$$name.in; done

audit: install ## look for advisories about pinned packages
	$(BIN)/pip-audit --require-hashes --disable-pip -r requirements/runtime.txt

web: install web/node_modules/.installed ## build the web application from web/ into services/api/web (needs Node 20+)
	$(BIN)/python ops/web_types.py
	cd web && npx --no-install tsc && node build.mjs

web/node_modules/.installed: web/package.json web/package-lock.json
	@command -v npm >/dev/null || { echo "install Node.js 20 or later first: only the web application's build needs it"; exit 1; }
	cd web && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

test-web: install web/node_modules/.installed .venv-web/.installed ## the web application in a real browser (Debian's chromium), and its unit tests
	@command -v chromium >/dev/null || { echo "install Debian's package chromium first: apt-get install chromium fonts-nanum"; exit 1; }
	cd web && npm test && node build.mjs --check
	.venv-web/bin/pytest -c web/tests/browser/pytest.ini web/tests/browser

.venv-web/.installed: requirements/web.txt $(STAMP)
	test -x .venv-web/bin/python || $(PYTHON) -m venv .venv-web
	$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode --python .venv-web/bin/python requirements/web.txt
	touch $@

up: ## start the containers (make secrets first)
	docker compose up -d --build

down: ## stop the containers
	docker compose down

serve: install ## the whole system on this machine, data in ./var
	$(BIN)/ondol serve

demo: install ## a synthetic market, the ten strategies, a table; then it serves until Ctrl-C (DEMO=--exit stops)
	$(BIN)/ondol demo $(DEMO)

bench: install .venv-bench/.installed ## every target of docs/explanation/performance.md beside its peers (BENCH="--only engines")
	$(BIN)/python -m bench $(BENCH)

.venv-bench/.installed: requirements/bench.txt
	test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode --python .venv-bench/bin/python requirements/bench.txt
	touch $@

faults: install ## break it: the whole fault and security suite (SEED=1)
	$(BIN)/python -m tests.chaos --seed $(or $(SEED),1)

laws: install ## the long laws: random variants of sweeps against plain backtests, every boundary of every request
	$(BIN)/pytest -q -m slow tests/integration tests/end_to_end

clean: ## remove what make made
	rm -rf .venv .venv-bench .venv-web .venv-containers var web/node_modules
