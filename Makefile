# Two commands matter: `make run` starts the dashboard, `make test` checks everything.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501

.PHONY: run test bench fuzz lint browser clean

run: $(VENV)/.installed
	@echo "LiteDrift: http://localhost:$(PORT)"
	@$(BIN)/streamlit run app.py --server.port $(PORT) --server.headless true

test: $(VENV)/.installed-tests browser lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.installed-tests
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.installed-tests
	$(BIN)/python -m tests.benchmarks

fuzz: $(VENV)/.installed-tests
	$(BIN)/python -m tests.fuzz $(FUZZ)

# The browser tests need Debian's Chromium. Where it cannot be installed they are skipped with the
# reason, except with CI=true, where a missing browser is a failure.
browser:
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq chromium >/dev/null || \
		echo "Chromium could not be installed: the browser tests will say so"; \
	else echo "No Chromium, and not root: the browser tests are skipped; install 'chromium'"; fi

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-tests: tests/requirements.txt $(VENV)/.installed sample_models/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) .litedrift .pytest_cache .mypy_cache .ruff_cache
