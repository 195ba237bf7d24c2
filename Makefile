# Every target sets up what it needs in .venv, once. `make help` lists them.
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
PROFILE ?= standard
CLAIMS ?= --quick
STAMP := $(shell date -u +%Y-%m-%dT%H-%M-%S)
OUT ?= results/$(STAMP)-$(PROFILE)
BIN := .venv/bin
READY := .venv/ready

# With WHEELS=folder, which `make wheels` fills, the interpreter is taken as it is: for a machine
# without a package index.
ifdef WHEELS
ACTBENCH := PYTHONPATH=$(abspath $(WHEELS)) $(PYTHON) -m actbench
SETUP :=
else
ACTBENCH := $(BIN)/actbench
SETUP := $(READY)
endif
VERSION ?= 3.12
ON_DEVICE := $(if $(DEVICE),--device $(DEVICE))

.DEFAULT_GOAL := help
.PHONY: help setup bench claims wheels agree exhaustive gate selftest faults smoke report publish test fuzz lint type format clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Variables: PROFILE=smoke|standard|full  DEVICE=cuda  WHEELS=folder  BENCH='--framework torch ...'  CLAIMS='cost --quick'  AGREE='--dtype float16 ...'  BASE=ref  GATE='--strict ...'  RUN=results/...  OUT=folder  SITE='--base-url https://...'"

setup: $(READY) ## install everything into .venv (the other targets do it by themselves)

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or later found: install one or name it with PYTHON=path" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "error: $(PYTHON) cannot make environments: install its venv package (Debian: python3-venv)" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group dev --editable .
	@touch $(READY)

# A run of which a case failed or was refused has its page all the same, as has one by which no claim
# can be decided; what was measured badly is the exit status at the end.
bench: $(SETUP) ## measure everything, judge the claims and write the report (seven to twelve minutes)
	@status=0; \
	$(ACTBENCH) run --profile $(PROFILE) --out $(OUT) $(ON_DEVICE) $(BENCH) || status=$$?; \
	test $$status -le 1 || exit $$status; \
	$(ACTBENCH) claims $(CLAIMS) --run $(OUT); \
	$(ACTBENCH) report $(OUT) && exit $$status

claims: $(SETUP) ## put claims of the literature to the test, all of them: make claims RUN=results/...
	$(ACTBENCH) claims $(if $(RUN),--run $(RUN))

agree: $(READY) ## check every form at all inputs of the 16-bit formats and at chosen ones of float32
	$(BIN)/actbench agree $(AGREE)

exhaustive: $(READY) ## all 2^32 inputs, forward and gradient: make exhaustive ACTIVATION=gelu FRAMEWORK=torch
	@test -n "$(ACTIVATION)" -a -n "$(FRAMEWORK)" || { echo "error: say which: make exhaustive ACTIVATION=gelu FRAMEWORK=torch" >&2; exit 2; }
	$(BIN)/actbench agree --exhaustive --activation '$(ACTIVATION)' --framework $(FRAMEWORK) $(AGREE)

gate: $(READY) ## what became slower or less exact: make gate BASE=origin/main
	@test -n "$(BASE)" || { echo "error: say what to compare with: make gate BASE=origin/main" >&2; exit 2; }
	$(BIN)/actbench gate --base '$(BASE)' $(GATE)

selftest: $(READY) ## how often the gate is wrong on this machine (five minutes per cycle)
	$(BIN)/actbench selftest $(SELFTEST)

faults: $(READY) ## kill, stop and starve small runs at random moments: what is lost or left? (twenty minutes)
	$(BIN)/python -m tools.faults $(FAULTS)

smoke: ## what bench does, in a minute and with a few claims: does everything work here?
	@$(MAKE) --no-print-directory bench PROFILE=smoke CLAIMS='derivatives --quick'

report: $(READY) ## build the page of a stored run again: make report RUN=results/...
	@test -n "$(RUN)" || { echo "error: say which run: make report RUN=results/..." >&2; exit 2; }
	$(BIN)/actbench report $(RUN)

publish: $(READY) ## build site/ from results/published/, where actbench publish RUN puts a run
	$(BIN)/actbench site $(SITE)

wheels: ## what a machine with frameworks but without a package index needs: make wheels VERSION=3.12
	$(PYTHON) -m pip install --quiet --no-compile --target wheels --only-binary=:all: --python-version $(VERSION) --group bare

test: $(READY) ## run the tests
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(PYTEST)

fuzz: $(READY) ## let every reader read run folders that no run has written (two to four minutes)
	$(BIN)/python -m tools.hostile $(FUZZ)

lint: $(READY) ## check style, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

format: $(READY) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove the environment and the caches, keep the results
	rm -rf .venv .tox .mypy_cache .ruff_cache .pytest_cache .hypothesis
