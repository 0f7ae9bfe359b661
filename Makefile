# `make` alone lists the targets. Everything is kept in .venv; deleting that folder starts afresh.
#
# PyTorch brings several gigabytes of GPU libraries on Linux. Where they are of no use, take its CPU-only build:
#     make app TORCH_INDEX=https://download.pytorch.org/whl/cpu
# (the first time only; it decides how .venv is built).

TORCH_INDEX ?=
ARGS ?=
PYTHON ?=
# Test files that run at the same time, also on two cores: browser tests wait often; 0 for one after another in one process, as debuggers need it.
WORKERS ?= 3

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: api app bench check coverage files help notebook pictures report test words

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
BENCHMARKS := $(VENV)/.benchmarks

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  make app ARGS='--port 8600' hands options on to 'cbam app'."
	@echo "  TORCH_INDEX=https://download.pytorch.org/whl/cpu, the first time, takes PyTorch without GPU libraries."

app: $(RUNTIME) ## Install what is missing, start the web app and print its address
	@exec $(BIN)/cbam app $(ARGS)

# Tests start many programs: each would compile every module again if it could not keep what Python made of it.
test: $(DEVELOPMENT) ## Install what is missing and run the whole test suite, in a real browser too
	@if [ "$$CBAM_SKIP_BROWSER" = 1 ]; then \
		echo "CBAM_SKIP_BROWSER=1: the browser tests will be skipped."; \
	else \
		CHROME="$$($(BIN)/python tests/find_chromium.py)" || exit 1; \
		export CHROME; \
	fi; \
	export PYTHONDONTWRITEBYTECODE=; \
	exec $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(DEVELOPMENT) ## Lint, check the formatting and check the types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(BENCHMARKS) ## Measure every figure of docs/measured.md again
	@for file in benchmarks/*.py; do \
		echo "== $$file"; \
		$(BIN)/python "$$file" $(ARGS) || exit 1; \
	done

pictures: $(DEVELOPMENT) ## Take the pictures of the app in README and docs again
	$(BIN)/python docs/make_pictures.py

files: $(DEVELOPMENT) ## Write the page about files that are read
	$(BIN)/python docs/make_files.py

coverage: $(DEVELOPMENT) ## Find the gates in networks of other libraries, and write the page about them
	$(BIN)/python docs/make_coverage.py $(ARGS)

notebook: $(DEVELOPMENT) ## Run the cells of docs/notebook.ipynb again
	$(BIN)/python docs/make_notebook.py

report: $(DEVELOPMENT) ## Write the sample report again
	$(BIN)/python docs/make_sample_report.py

words: $(DEVELOPMENT) ## Collect the words to translate, and compile the catalogues
	$(BIN)/python docs/make_words.py

api: $(DEVELOPMENT) ## Write the pages about the library's names into build/api
	$(BIN)/python -m pdoc --docformat google --output-directory build/api \
		cbam_core cbam_core.errors cbam_core.gates cbam_core.nn cbam_core.results.explanation

# A stamp is newer than what it was made from, so a second `make` installs nothing.
$(BIN)/python:
	@set -e; \
	chosen=; \
	for name in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
		if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then chosen=$$name; break; fi; \
	done; \
	if [ -z "$$chosen" ]; then \
		echo "CBAM Lens needs Python 3.11 or newer; install it, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi; \
	if ! "$$chosen" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$$chosen cannot make a virtual environment: its module venv is missing." >&2; \
		echo "On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$chosen" --version)"; \
	"$$chosen" -m venv $(VENV)

$(RUNTIME): requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing the packages of requirements.txt (PyTorch is large: a few minutes the first time)"
	@if [ -n "$(TORCH_INDEX)" ]; then \
		$(PIP) install --index-url "$(TORCH_INDEX)" $$(grep -E '^torch(vision)?==' requirements.txt); \
	fi
	@$(PIP) install --requirement requirements.txt
	@$(PIP) install --quiet --no-deps --editable .
	@touch $@

$(DEVELOPMENT): $(RUNTIME) requirements-dev.txt
	@echo "Installing the packages of requirements-dev.txt"
	@$(PIP) install --requirement requirements-dev.txt --constraint requirements.txt
	@touch $@

$(BENCHMARKS): $(DEVELOPMENT)
	@$(PIP) install --editable '.[bench]' --constraint requirements.txt
	@touch $@
