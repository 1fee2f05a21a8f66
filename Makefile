# Everything a person does with a checkout. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
UV := 0.13.9
BIN := .venv/bin
READY := .venv/.ready

# Byte code is kept, in one place: a run is a fresh process, and would compile all of leadflow anew.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/pycache

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

.PHONY: up
up: $(READY) ## install what is needed, start the whole stack with sample leads; Ctrl-C ends it
	@exec $(BIN)/leadflow up

.PHONY: test
test: $(READY) ## run all tests: unit, integration on a real PostgreSQL and IMAP server, end to end
	@$(BIN)/pytest leadflow_pipeline_tests/end_to_end
	@$(BIN)/pytest leadflow_pipeline_tests/unit leadflow_pipeline_tests/integration -n 3 --dist worksteal

.PHONY: test-unit
test-unit: $(READY) ## run the tests that need no database, in seconds
	@$(BIN)/pytest leadflow_pipeline_tests/unit

.PHONY: chaos
chaos: $(READY) ## kill parts of a running stack for ten minutes and count every lead (MINUTES=, RATE=, SEED=)
	@$(BIN)/python -m leadflow_pipeline_tests.chaos --minutes $(or $(MINUTES),10) --rate $(or $(RATE),20) --seed $(or $(SEED),1)

.PHONY: faults
faults: $(READY) ## kill deliverers 200 times while 2,000 leads flow and vendors fail, then count what they hold (CRM=hubspot)
	@$(BIN)/python -c 'import sys; from leadflow_pipeline.bench.delivery_faults import main; sys.exit(main())' --crm $(or $(CRM),followupboss)

.PHONY: score
score: $(READY) ## put the weights of dbt_scoring/seeds in force: tested, swapped in at once, open leads scored again
	@$(BIN)/leadflow score

.PHONY: bench-scoring
bench-scoring: $(READY) ## time scoring and marts with a million invented leads, in a database of its own (minutes)
	@$(BIN)/python -m leadflow_pipeline.bench.scoring

.PHONY: bench-mails
bench-mails: $(READY) ## measure how many mails a second are read on one core
	@$(BIN)/python -m leadflow_pipeline.bench.mail_speed

.PHONY: bench-posts
bench-posts: $(READY) ## measure how fast the receiver stores posts, on a database of its own
	@$(BIN)/leadflow webhook bench

.PHONY: check
check: $(READY) ## everything that CI checks: format, lint, types, import rules, SQL
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --templater placeholder sql
	$(BIN)/sqlfluff lint --templater jinja dbt_scoring

.PHONY: format
format: $(READY) ## put Python and SQL into the house's form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/sqlfluff fix --templater placeholder sql
	$(BIN)/sqlfluff fix --templater jinja dbt_scoring

.PHONY: train-intents
train-intents: $(READY) ## train the local model of inquiries anew from its texts (docs/intents.md)
	@OMP_NUM_THREADS=1 $(BIN)/python -m leadflow_pipeline.training.train

.PHONY: compare-intents
compare-intents: $(READY) ## hold approaches against each other; figures and pictures of docs/intents.md
	@OMP_NUM_THREADS=1 $(BIN)/python -m leadflow_pipeline.training.report

.PHONY: lock
lock: $(READY) ## choose dependency versions anew from setup.py
	$(BIN)/uv pip compile setup.py --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --quiet --upgrade -o requirements.lock

.PHONY: clean
clean: ## remove the environment and the default state folder (.leadflow/: all its leads)
	rm -rf .venv .leadflow

# The environment: uv installs the locked versions in seconds where pip takes minutes.
$(READY): requirements.lock setup.py
	@command -v $(PYTHON) >/dev/null || { echo "leadflow needs Python 3.11 or newer, and there is no $(PYTHON) here. Install it, or name one: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "leadflow needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) -V). Name another one: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@echo "Installing leadflow into .venv (once) ..."
	@$(PYTHON) -m venv .venv || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV)
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes -r requirements.lock
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps -e .
	@touch $(READY)
