# Two commands matter: `make demo` and `make test`. Everything they need is installed into .venv.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

# pytest, which tries what failed again.
PYTEST := $(BIN)/python -m tests

.PHONY: help demo lab test check typescript labextension pythons kernel browser attack bench fetch clean

help: ## show this
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name it: make PYTHON=/path/to/python3 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Another environment that is active is not ours: IPython would warn of it in every test.
unexport VIRTUAL_ENV

comma := ,

# One stamp a set of extras: a target installs what it needs, once, and again when pyproject.toml changes. The install
# builds the JupyterLab extension and puts it where JupyterLab looks.
$(VENV)/.%: pyproject.toml | $(BIN)/python
	@echo "installing codeact-magic[$(subst +,$(comma),$*)] into $(VENV) ..."
	@$(PIP) install -e '.[$(subst +,$(comma),$*)]'
	@touch $@

# The checks of the TypeScript use the Node.js that the Python package index has, whatever the machine has.
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix labextension
labextension/node_modules/.package-lock.json: labextension/package-lock.json | $(VENV)/.test
	@$(NPM) ci --silent
	@touch $@

fetch: $(VENV)/.lab+local+examples ## fetch the local model into your cache, once
	@$(BIN)/python -m codeact_magic.local fetch

demo: fetch ## run examples/quickstart.ipynb with the local model, each step printed
	@$(BIN)/python examples/demo.py examples/quickstart.ipynb

lab: fetch ## open the same notebook in JupyterLab
	$(BIN)/jupyter lab examples/quickstart.ipynb

test: check pythons kernel browser ## run every check

check: $(VENV)/.test ## the fast part: format, lint, types, import contracts, unit tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(PYTEST) -n 2 -m "not slow and not kernel and not terminal and not browser and not model"
	@$(MAKE) --no-print-directory typescript

typescript: labextension/node_modules/.package-lock.json ## the checks of the JupyterLab extension
	$(NPM) run --silent typecheck
	$(NPM) run --silent lint
	$(NPM) test --silent

labextension: $(VENV)/.test ## build the JupyterLab extension anew
	$(PIP) install --no-deps -e .

pythons: $(VENV)/.test ## the unit tests on every other Python from 3.11 up that the machine has
	@$(BIN)/python -m tests.pythons

kernel: $(VENV)/.test ## the tests with real kernels, terminals and notebooks, and the slow ones
	$(BIN)/python -m tests.kernels
	$(PYTEST) -n 2 -m "kernel or terminal or slow"

browser: $(VENV)/.test ## the tests in a real JupyterLab and a real browser
	@$(BIN)/python -m tests.browser
	$(PYTEST) -n 2 -m browser

attack: $(VENV)/.test ## attack the running product, and print what was tried and what held
	@$(BIN)/python -c "import atheris" 2>/dev/null || $(PIP) install atheris || echo "without atheris: hypothesis alone"
	@$(BIN)/python -m tests.browser
	$(BIN)/python -m tests.attack

bench: $(VENV)/.test ## time per step and load time, as ratios against a floor
	@$(BIN)/python -m tests.bench

clean: ## take away what was built and installed here
	rm -rf .venv .venv-* .cache labextension/node_modules labextension/lib codeact_magic/labextension dist build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
