# Every habit of this project is a target here. `make help` lists them.
#
#   make PYTHON=/path/to/python3.12 install     choose the Python
#   make test PYTEST_ARGS="-k ledger"           pass arguments on to pytest
#   make run RUN_ARGS="--port 9000"             pass arguments on to `nestegg demo`

PYTHON ?=
PYTEST_ARGS ?=
RUN_ARGS ?=
BENCH_ARGS ?=
FAULTS_ARGS ?=
PEERS_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest
TOOLS := .venv-tools
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# What plugins are tested with. It comes with the tools for development and into no image.
KIT := plugins/testing
PLUGINS := $(sort $(filter-out $(KIT),$(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))))
PYPROJECTS := pyproject.toml $(addsuffix /pyproject.toml,$(PLUGINS) $(KIT))
EXAMPLES := $(sort $(patsubst %/pyproject.toml,%,$(wildcard examples/*/pyproject.toml)))
PACKAGES := nestegg_core benchmarks $(filter-out %.egg-info,$(wildcard plugins/*/nestegg_* examples/*/nestegg_*))
PYTHONS := $(if $(PYTHON),"$(PYTHON)",python3 python3.14 python3.13 python3.12 python3.11)

# What `make peers` runs on the system's PostgreSQL as well as on the wheel's.
ON_SYSTEM_POSTGRES := tests/database tests/encryption tests/ledger tests/backups tests/users tests/auth \
	tests/retention tests/api plugins/storage_postgres

# Stamps. $(HERE) holds the folder that the environment was made for: scripts and editable installs
# point to it, so an environment that was moved or copied along is made anew.
HERE := $(VENV)/.made-for
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help run install install-dev usable-venv test test-long test-lowest contract docs lint types bench faults peers wheels lock size clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: install ## serve a demo household on http://127.0.0.1:8000
	@exec $(BIN)/nestegg demo $(RUN_ARGS)

# The sub-make looks at the stamps only after usable-venv may have removed them.
install: usable-venv ## make .venv with the core and all plugins
	@$(MAKE) --silent --no-print-directory $(INSTALLED)

install-dev: install
	@$(MAKE) --silent --no-print-directory $(INSTALLED_DEV)

test: install-dev ## run the tests, on SQLite and on PostgreSQL
	$(BIN)/python -m pytest -n 5 --dist worksteal -m "not long" $(PYTEST_ARGS)

test-long: install-dev ## run what takes long: pages followed, installs, servers under load
	$(BIN)/python -m pytest -n 2 --dist loadfile -m long $(PYTEST_ARGS)

# In an environment of its own, made anew each time: that takes seconds, for wheels are cached.
test-lowest: install-dev $(TOOLS)/bin/uv ## run every test with the lowest versions that are allowed of what we import
	@$(TOOLS)/bin/uv venv --quiet --clear --python $(BIN)/python $(LOWEST)
	@printf 'nestegg-core @ file://%s\n' "$(CURDIR)" > $(LOWEST)/ours.txt
	@$(TOOLS)/bin/uv pip compile --quiet --python $(LOWEST) --resolution lowest-direct --no-deps \
		--override $(LOWEST)/ours.txt --no-emit-package nestegg-core --no-emit-package pydantic-core \
		--output-file $(LOWEST)/lowest.txt $(PYPROJECTS)
	@$(TOOLS)/bin/uv pip install --quiet --python $(LOWEST) --constraint $(LOWEST)/lowest.txt \
		--group dev --editable . $(addprefix --editable ./,$(PLUGINS) $(KIT))
	$(LOWEST)/bin/python -m pytest -n 5 --dist worksteal -m "not long" $(PYTEST_ARGS)

peers: install-dev ## run the tests against servers of Node, Java and Debian, downloads included
	$(BIN)/python -m pytest $(PEERS_ARGS) tests/peers
	@if [ -d /usr/lib/postgresql ]; then \
		echo "The tests of the database again, on the system's PostgreSQL"; \
		NESTEGG_TEST_SYSTEM_POSTGRES=1 $(BIN)/python -m pytest -n 3 \
			--dist worksteal -q -k "postgresql or storage_postgres" \
			$(ON_SYSTEM_POSTGRES); \
	else \
		echo "Skipped: the tests on the system's PostgreSQL (Debian: apt install postgresql)"; \
	fi

contract: install-dev ## write the contract with plugins down again, after a change that is meant
	$(BIN)/python tests/contract/describe.py

docs: install-dev ## write .env.example and the pages that are made from code down again
	$(BIN)/python docs/generate.py

lint: install-dev ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-dev ## mypy, strict, over the core, the plugins and the example
	$(BIN)/mypy $(PACKAGES) docs/generate.py

bench: install-dev ## measure a server on PostgreSQL under load
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

faults: install-dev ## break what a server stands on, under load, and count what is lost
	$(BIN)/python -m benchmarks.faults $(FAULTS_ARGS)

size: ## count the core's files and lines, by package
	@git ls-files 'nestegg_core/*.py' | xargs wc -l | awk -F '[ /]+' ' \
		$$3 == "nestegg_core" || $$2 == "nestegg_core" { \
			at = ($$2 == "nestegg_core") ? 3 : 4; name = (NF > at) ? $$at : "(top)"; \
			lines[name] += $$(at - 2); files[name]++; all += $$(at - 2); count++ } \
		END { for (name in lines) printf "%-16s %4d files %6d lines\n", name, files[name], lines[name] | "sort -k4 -nr"; \
			close("sort -k4 -nr"); printf "%-16s %4d files %6d lines\n", "nestegg_core", count, all }'

wheels: usable-venv ## build every distribution into dist/
	@$(MAKE) --silent --no-print-directory $(BIN)/python
	@$(PIP) install --quiet --quiet "setuptools>=77"
	@rm -rf build $(addsuffix /build,$(PLUGINS) $(KIT) $(EXAMPLES))
	@$(PIP) wheel --quiet --no-deps --no-build-isolation --wheel-dir dist \
		$(addprefix ./,. $(PLUGINS) $(KIT) $(EXAMPLES))
	@ls dist/*.whl

LOCK := $(TOOLS)/bin/uv pip compile --quiet --universal --python-version 3.13 --generate-hashes \
	--no-header --no-annotate --upgrade
DISTRIBUTIONS = $(shell sed -n 's/^name = "\(nestegg-.*\)"/\1/p' $(PYPROJECTS))

# Neither file names a host: hashes are of what any index serves by these names and versions.
lock: $(TOOLS)/bin/uv ## lock the libraries of the image anew, with hashes, at their newest versions
	@sed -n 's/^requires = \["\(.*\)"\]/\1/p' pyproject.toml | $(LOCK) -o deploy/image/build.txt - >/dev/null
	@printf '%s\n' . $(addprefix ./,$(PLUGINS)) | $(LOCK) $(addprefix --no-emit-package ,$(DISTRIBUTIONS)) \
		-o deploy/image/requirements.txt - >/dev/null
	@grep -c '==' deploy/image/requirements.txt

$(TOOLS)/bin/uv: | $(BIN)/python
	@$(BIN)/python -m venv $(TOOLS) && $(TOOLS)/bin/python -m pip install --quiet uv

clean: ## remove .venv and all that was built; data in var/ stays
	rm -rf $(VENV) $(LOWEST) $(TOOLS) .peers dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf *.egg-info plugins/*/*.egg-info plugins/*/build
	find nestegg_core plugins tests -name __pycache__ -type d -prune -exec rm -rf {} +

usable-venv:
	@if [ -e $(VENV) ] && ! { \
		$(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
		{ [ ! -e $(HERE) ] || [ "$$(cat $(HERE))" = "$(CURDIR)" ]; }; \
	}; then \
		echo "$(VENV) does not work here (moved, or its Python is gone or too old): making it anew"; \
		rm -rf $(VENV); \
	fi

$(BIN)/python:
	@set -u; found=; tried=; \
	for python in $(PYTHONS); do \
		version=$$("$$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) \
			|| { tried="$$tried\n  $$python: does not run"; continue; }; \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
			found=$$python; break; \
		fi; \
		tried="$$tried\n  $$python: is $$version"; \
	done; \
	if [ -z "$$found" ]; then \
		printf 'Nest Egg needs Python 3.11 or newer. Tried:%b\n' "$$tried" >&2; \
		echo 'Install one, or name it: make PYTHON=/path/to/python3.12 install' >&2; exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$$found ($$version) lacks the modules venv and ensurepip." >&2; \
		echo 'On Debian and Ubuntu install the package python3-venv, then run make again.' >&2; exit 1; \
	fi; \
	echo "Making $(VENV) with $$found ($$version)"; \
	"$$found" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# The environment's own Python is older than any stamp and may be a link to a newer file: the stamps
# ask for its existence only.
$(INSTALLED): $(PYPROJECTS) | $(BIN)/python
	@echo "Installing the core and its plugins into $(VENV)"
	@$(PIP) install --quiet --quiet --editable . $(addprefix --editable ./,$(PLUGINS))
	@printf '%s' "$(CURDIR)" > $(HERE)
	@touch $@

# `--group` needs pip 25.1.
$(INSTALLED_DEV): $(INSTALLED)
	@echo "Installing the tools for development into $(VENV)"
	@$(PIP) install --quiet --quiet --upgrade "pip>=25.1"
	@$(PIP) install --quiet --quiet --group dev --editable ./$(KIT)
	@touch $@
