# Every target sets up what it needs. `make` lists them.

PYTHON ?= python3
# Processes of `make test`; each starts servers of its own. One more than two cores, since they wait.
WORKERS ?= 3
# Without compiled modules, each of the tests' thousands of processes compiles onecopy anew.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
WEB := $(shell find web -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

.PHONY: help run page packages docs dist test test-fast soak mutation lint format bench clean browser disks
.DELETE_ON_ERROR:

help:
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-10s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use

run: .make/install  ## serve the page at http://127.0.0.1:8000, with SQLite and a folder
	$(BIN)/onecopy serve

##@ Check

lint: .make/dev .make/web  ## check style and types of Python and TypeScript
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cd web && npm run lint

format: .make/dev .make/web  ## format the code, and fix what can be fixed automatically
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	cd web && npm run format

test-fast: .make/dev  ## run the tests that need no server and no browser
	$(BIN)/python -m pytest -m "not soak and not server" -n auto

test: .make/dev .make/standins/installed .make/spark/installed .make/page browser  ## run all tests, including servers and a browser
	cd web && npm test
	$(BIN)/python -m pytest -m "not soak" -n $(WORKERS) --dist loadfile --no-loadscope-reorder

soak: .make/dev .make/standins/installed .make/airflow/installed .make/spark/installed .make/page disks  ## run the long tests: kills, races, millions of records
	$(BIN)/python -m pytest -m soak --timeout 7200 -n 2 --dist worksteal -rP

mutation: .make/mutation .make/page  ## change the modules that keep the promise, and see which tests notice (hours on one core)
	$(BIN)/python -m tests.mutation

bench: .make/bench  ## measure every figure of docs/performance.md (an hour)
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

browser:  ## install Debian's packages for the tests, if permitted; else list what is missing
	@sh tests/packages.sh

disks:  ## the same, and what the long tests need to mount disks
	@sh tests/packages.sh soak

##@ Build

page: .make/page  ## build the web page, and that of reports, into src/onecopy

packages: .make/web  ## build the packages for npm, @onecopy/client and @onecopy/uppy, into dist/
	mkdir -p dist
	cd web && npm run dist && npm pack --pack-destination ../dist ./packages/client/dist ./packages/uppy/dist

docs: .make/docs  ## build the documentation site into build/docs; broken links are errors
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet docs build/docs

dist: .make/dist .make/page  ## build the sdist and the wheel into dist/, and check both
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python deploy/check_dist.py

clean:  ## remove everything that make has built or installed
	rm -rf .make .venv web/node_modules web/packages/*/node_modules web/packages/*/dist src/onecopy/page src/onecopy/report/page build dist

.make/venv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "onecopy needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv .venv || { echo "python3 -m venv failed: on Debian, apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@mkdir -p .make && touch $@

.make/install: .make/venv pyproject.toml hatch_build.py .make/page
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.make/dev: .make/install
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

.make/standins/installed: .make/venv pyproject.toml
	$(PYTHON) -m venv --clear --without-pip .make/standins
	$(BIN)/python -m pip --python .make/standins install --quiet --group standins
	@touch $@

.make/airflow/installed: .make/venv pyproject.toml
	$(PYTHON) -m venv --clear --without-pip .make/airflow
	$(BIN)/python -m pip --python .make/airflow install --quiet --group airflow
	@touch $@

.make/spark/installed: .make/venv .make/page pyproject.toml
	$(PYTHON) -m venv --clear --without-pip .make/spark
	$(BIN)/python -m pip --python .make/spark install --quiet --editable '.[postgres,spark]'
	@touch $@

.make/bench: .make/dev .make/standins/installed .make/spark/installed
	$(BIN)/python -m pip install --quiet --group bench
	@touch $@

.make/docs: .make/venv pyproject.toml
	$(BIN)/python -m pip install --quiet --group docs
	@touch $@

.make/mutation: .make/dev .make/standins/installed
	$(BIN)/python -m pip install --quiet --group mutation
	@touch $@

.make/dist: .make/venv pyproject.toml
	$(BIN)/python -m pip install --quiet --group dist
	@touch $@

.make/web: web/package.json web/package-lock.json $(wildcard web/packages/*/package.json)
	cd web && npm ci --no-audit --no-fund
	@mkdir -p .make && touch $@

.make/page: .make/web $(WEB)
	cd web && npm run build
	@touch $@
