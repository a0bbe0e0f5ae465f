# Ringback's commands. Each works alone on a fresh machine that has make and Python 3.11, 3.12 or 3.13;
# `build` and `deploy` need Python 3.13, which is what runs in Lambda.

# The first Python that runs and fits: a pyenv shim may exist and yet refuse.
RUNS = for python in $(1); do $$python -c 'import sys; assert (3, 11) <= sys.version_info < (3, 14)' 2>/dev/null \
	&& { echo $$python; break; }; done
ifndef PYTHON
PYTHON := $(shell $(call RUNS,python3.13 python3.12 python3.11 python3))
endif
ifndef PYTHON_BUILD
PYTHON_BUILD := $(shell $(call RUNS,python3.13 $(HOME)/.pyenv/versions/3.13.*/bin/python3.13))
endif

ENV ?= dev
BIN := .venv/bin
# A file's tests share what they start (a local stack), so each stays with one worker.
TESTS = $(BIN)/pytest -q -n auto --dist loadfile
SAM_BIN := .venv-sam/bin
SAM = SAM_CLI_TELEMETRY=0 PATH="$(CURDIR)/$(SAM_BIN):$$PATH" sam
LOCK = $(SAM_BIN)/uv pip compile pyproject.toml -q --upgrade --no-header --no-annotate --no-python-downloads
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run test check build bench invoke deploy lock clean
.DEFAULT_GOAL := help

help:  ## Show this list
	@awk -F ':.*  ## ' '/^[a-z]+:.*  ## /{printf "%-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/.installed  ## Start everything here and play a first missed call; ONCE=1 then stops
	@$(BIN)/ringback local run $(if $(ONCE),--once)

test: .venv/.installed  ## Run every test
	@$(TESTS)

check: .venv/.installed  ## Format, lint, types, import contracts, template, state machines, tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m ringback_local.lint
	@$(TESTS)

build: .venv-sam/.installed .venv/.installed  ## Build what is deployed, then run it with nothing else on the path
	@$(SAM) validate --lint
	@$(SAM) build
	@$(BIN)/python -m ringback_local.built

bench: .venv/.installed build  ## Run every benchmark
	@$(BIN)/python -m benchmarks

invoke: .venv/.installed  ## Run one event: FUNCTION=VoiceWebhook EVENT=events/exotel/call_missed.json
	@$(BIN)/python -m ringback_local.invoke $(FUNCTION) $(EVENT)

deploy: build  ## Deploy to AWS as samconfig.toml says: ENV=dev or ENV=prod
	@$(SAM) deploy --config-env $(ENV)

lock: .venv-sam/.installed  ## Lock the newest versions that pyproject.toml allows
	@$(LOCK) --universal --python-version 3.11 --extra tools --group dev -o requirements.txt
	@$(LOCK) --python-version 3.13 -c requirements.txt -o layers/dependencies/requirements.txt

clean:  ## Remove what was built and installed; the local stack's data stays in .local
	@rm -rf .venv .venv-sam .aws-sam *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

.venv/.installed: requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed, and none of them runs here."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Setting up .venv with $$($(BIN)/python -V): about a minute, once …"
	@$(BIN)/pip install -qq -r requirements.txt
	@$(BIN)/pip install -qq --no-deps -e .
	@touch $@

.venv-sam/.installed: Makefile
	@test -n "$(PYTHON_BUILD)" || { echo "Python 3.13 is needed for this: it is what runs in Lambda."; exit 1; }
	@test -x $(SAM_BIN)/python || $(PYTHON_BUILD) -m venv .venv-sam
	@echo "Setting up .venv-sam with $$($(SAM_BIN)/python -V): about a minute, once …"
	@$(SAM_BIN)/pip install -qq aws-sam-cli==1.170.0 uv==0.11.2 awslambdaric==4.2.2
	@touch $@
