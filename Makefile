# Two commands do all the set-up: `make run` and `make test`.

PYTHON ?= python3
BIN := .venv/bin
WEB := $(shell find web -type f -not -path '*/node_modules/*' 2>/dev/null)

.PHONY: run page test test-fast soak lint format bench clean browser
.DELETE_ON_ERROR:

run: .make/install  ## the upload page, on SQLite and a folder, at http://127.0.0.1:8000
	$(BIN)/onecopy serve

page: .make/page

test: .make/dev .make/standins/installed .make/page browser  ## everything, servers and browser included
	cd web && npm test
	$(BIN)/python -m pytest -m "not soak" -n 2 --dist loadfile

test-fast: .make/dev  ## the part that needs no server and no browser
	$(BIN)/python -m pytest -m "not soak and not server" -n auto

soak: .make/dev .make/standins/installed .make/page browser  ## what takes too long for every run: kills, races, millions of records
	$(BIN)/python -m pytest -m soak --timeout 7200 -n 2 --dist worksteal -rP

lint: .make/dev .make/web  ## style and types of Python and TypeScript
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cd web && npm run lint

format: .make/dev .make/web
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	cd web && npm run format

bench: .make/bench  ## every number of docs/performance.md (an hour; see benchmarks/ for single ones)
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

browser:  ## Debian's packages that the tests need, where we may install them
	@sh tests/packages.sh

clean:
	rm -rf .make .venv web/node_modules src/onecopy/page dist

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

.make/bench: .make/dev .make/standins/installed
	$(BIN)/python -m pip install --quiet --group bench
	@touch $@

.make/web: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	@mkdir -p .make && touch $@

.make/page: .make/web $(WEB)
	cd web && npm run build
	@touch $@
