# Ordertrail. Needs Python 3.11 or newer, and nothing else; all that is installed goes into .venv and .venv-proto.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
PROTO_PIP := .venv-proto/bin/pip --disable-pip-version-check --quiet

# Tests of one group run on one worker (tests/worker_groups.py). More workers than two need a machine with more cores.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest -q --numprocesses $(WORKERS)
# Tests start some thousand processes, which would all compile the code again if the environment forbids to store it.
test trials pytest: export PYTHONDONTWRITEBYTECODE :=

.PHONY: help run test trials lint types protos pytest bench generate pins image clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/server ## start a server, show it at work, and keep it running
	@$(BIN)/python examples/tour.py

test: lint protos types pytest ## run everything but the trials: lint, protos, types, tests
	@echo 'The trials did not run: faults at random, kills, old clients. Run them: `make trials` (14 minutes), or'
	@echo 'their long form: `make trials LONG=1` (hours).'

trials: .venv/dev .venv-proto/made ## run the tests that search for faults at random or take long
	ORDERTRAIL_TRIALS=$(if $(LONG),long,trial) $(PYTEST) -m 'trial or sampled' $(if $(LONG),--timeout 14400)

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev
	$(BIN)/mypy

protos: .venv/dev
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	$(BIN)/buf breaking proto --exclude-imports --against proto/released.binpb

pytest: .venv/dev .venv-proto/made
	$(PYTEST) -m 'not trial'

bench: .venv/dev ## measure, beside the limits of this machine, and print a table
	$(BIN)/python -m benchmarks

generate: .venv-proto/made ## compile proto/ into client/
	PATH=$(CURDIR)/.venv-proto/bin:$$PATH .venv-proto/bin/python proto/generate.py

pins: .venv/dev .venv-proto/made ## write the installed versions to constraints.txt and proto/constraints.txt
	$(PIP) freeze --exclude-editable --exclude ordertrail > .constraints.new
	@mv .constraints.new constraints.txt
	$(PROTO_PIP) freeze --exclude-editable --exclude ordertrail > .constraints.new
	@mv .constraints.new proto/constraints.txt

image: protos ## renew proto/released.binpb at a release: what is public now is held to from then on
	$(BIN)/buf build proto --exclude-source-info --output proto/released.binpb

clean: ## remove the environments and the data of `make run`
	rm -rf .venv .venv-proto data

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/server: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable '.[server]'
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable '.[server,dev]'
	@touch $@ .venv/server

.venv-proto/bin/python:
	$(PYTHON) -m venv .venv-proto

.venv-proto/made: .venv-proto/bin/python pyproject.toml proto/constraints.txt
	$(PROTO_PIP) install --constraint proto/constraints.txt --editable '.[generate]'
	@touch $@
