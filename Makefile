# Everything sets itself up in a virtual environment; only Python 3.11 or later has to be there.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PYTEST = pytest -n 6 --dist worksteal $(ARGS)

# Else each process would compile everything again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: serve test test-browser test-system test-containers mutants check format bench clean

serve: $(VENV)/.serve  ## serve the bundled app
	@$(BIN)/asgictl serve demo

test: $(VENV)/.dev  ## run the tests; with COVERAGE=1 hold the coverage, which takes longer
ifdef COVERAGE
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m $(PYTEST)
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report
else
	$(BIN)/python -m $(PYTEST)
endif

test-browser: $(VENV)/.dev  ## run the tests that need Chromium
	$(BIN)/pytest -m browser $(ARGS)

test-system: $(VENV)/.dev  ## try the real trust stores, in a private view of the file system; the system's needs root
	$(BIN)/pytest -m system -o faulthandler_timeout=600 $(ARGS)

test-containers: $(VENV)/.dev  ## build and run what scaffold writes; needs root on Linux, or ASGICTL_ENGINE=system
	$(BIN)/pytest -m containers -o faulthandler_timeout=1200 $(ARGS)

mutants: $(VENV)/.mutants  ## put random faults into the code, and list those that no test notices; ARGS="--help" for more
	@$(BIN)/python -m tests.mutants $(ARGS)

check: $(VENV)/.mutants  ## check format, lint and types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

format: $(VENV)/.dev  ## format the code
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(VENV)/.dev  ## measure side by side with uvicorn, gunicorn, openssl and mkcert
	$(BIN)/python bench/startup.py
	$(BIN)/python bench/reload.py
	$(BIN)/python bench/access_log.py
	$(BIN)/python bench/gen_cert.py
	$(BIN)/python bench/inspecting.py
	$(BIN)/python bench/chaos.py

clean:
	rm -rf $(VENV) .coverage .coverage.* .mutants .mypy_cache .pytest_cache .ruff_cache dist

$(VENV)/.serve: pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) (once, about a minute)" >&2
	@$(BIN)/python -m pip install --quiet --editable '.[standard]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) for the tests (once, about a minute)" >&2
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.serve

$(VENV)/.mutants: $(VENV)/.dev
	@echo "adding mutmut to $(VENV) (once)" >&2
	@$(BIN)/python -m pip install --quiet --editable '.[dev,mutants]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or later is needed")'
	@$(PYTHON) -m venv $(VENV)
