# Reelkeeper: everything from a bare clone with git, make and Python 3.11.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# what the environment was made from: it is made again only when one of these changes
STAMP := $(VENV)/.made
export REELKEEPER_HOME ?= $(CURDIR)/.reelkeeper
PORT ?= 8080
SOAK_MINUTES ?= 60
BENCH ?=

.PHONY: help setup demo test soak up down status lint format bench clean screenshots audit images-check

help: ## Show what can be made.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 22

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed; install it or set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV) (once; about two minutes plus the downloads)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[vision,airflow,s3,dev]'
	@$(BIN)/reelkeeper models install centerface || echo "Faces are not looked for until it is installed; the rest works without"
	@touch $@

setup: $(STAMP) ## Make the Python environment in .venv.

demo: $(STAMP) ## Age a free clip, run the whole DAG on it, print the gains.
	@$(BIN)/python -m reelkeeper_airflow.demo --port $(PORT)

up: $(STAMP) ## Start Airflow and the embedded Postgres; prints address and login.
	@$(BIN)/python -m reelkeeper_airflow.stack up --port $(PORT)

down: $(STAMP) ## Stop exactly what `make up` started.
	@$(BIN)/python -m reelkeeper_airflow.stack down

status: $(STAMP) ## Show what runs.
	@$(BIN)/python -m reelkeeper_airflow.stack status

lint: $(STAMP) ## Style, types and layers.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## Put the code into shape.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

screenshots: $(STAMP) ## Take the pictures of the operator's guide (the stack up, one run finished, one waiting for a decision).
	@docker/debian-tools.sh chromium
	@$(BIN)/python docs/screenshots/take.py

test: $(STAMP) lint ## Lint, types, layers and every rule once.
	@docker/debian-tools.sh mediaconch chromium
	@$(BIN)/python -m pytest tests -n 2 --dist loadfile --no-loadscope-reorder

soak: $(STAMP) ## The long tests, for SOAK_MINUTES minutes.
	@$(BIN)/python -m benchmarks.soak --minutes $(SOAK_MINUTES)

bench: $(STAMP) ## Measure every figure we publish (hours; BENCH="ingest cost" runs some) and write docs/benchmarks.md.
	@$(BIN)/python -m benchmarks.all $(BENCH)

audit: $(STAMP) ## Ask for known holes in what we depend on, and write a bill of materials (CycloneDX).
	@$(BIN)/python docker/audit.py $(REELKEEPER_HOME)/audit

images-check: ## Build both images without a container engine (as root, Debian) and run a step in one.
	@docker/build-check.sh

clean: ## Remove what was made here (stop `make up` first).
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m reelkeeper_airflow.stack down || true; fi
	@rm -rf $(VENV) .reelkeeper .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist build
