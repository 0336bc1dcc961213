SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Every target shares one .venv, and two pips in it at once would break it.
.NOTPARALLEL:

VENV := .venv
BIN := $(VENV)/bin
CREATED := $(VENV)/.created
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
QUALITY := $(VENV)/.quality-installed
KAFKA := .parts/kafka/.installed
PEERS := .venv-peers/.installed
KAFKA_STREAMS := .parts/kafka-streams/.built
PIP_INSTALL := $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt

# PYTHON=... chooses an interpreter; it must still be new enough.
PYTHON ?= python3.11
RECORDED ?= ../shared/data
# What the proofs draw from: how many kills, which seed, how many simulated histories.
KILLS ?= 20
SEED ?= 7
ROUNDS ?= 500
CODE := config models streams agents tests benchmarks deploy

.PHONY: demo live test check bench bench-scores bench-sla bench-peers pictures fmt test-recorded integration proofs sim chaos parts kafka clean help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(RUNTIME) ## run the demonstration (installs what running needs, no more)
	@$(BIN)/ebbwatch demo

live: $(RUNTIME) $(KAFKA) parts ## the demonstration on a real Kafka and Redis, until Ctrl-C or for SECONDS=30
	@$(BIN)/python -m tests.live $(if $(SECONDS),--seconds $(SECONDS))

test: $(DEV) $(KAFKA) parts ## all tests, on a real Kafka and a real Redis, but for the proofs
	@$(BIN)/python -c "$$VERSIONS"
	@$(BIN)/pytest tests/sim tests/driver tests/contract tests/unit -q -n auto --dist worksteal -m "not recorded"
	@$(BIN)/pytest tests/integration -q -n 2 --dist loadfile -m "not recorded and not proof"

integration: $(DEV) $(KAFKA) parts ## the proofs end to end: kills, fuzz, equal batches, ten rounds of chaos
	@$(BIN)/pytest tests/integration -q -n 2 --dist loadfile -m "proof and not recorded"

test-recorded: $(DEV) ## tests on recorded data: make test-recorded RECORDED=directory
	@if [ ! -d "$(RECORDED)" ]; then \
	    echo "make test-recorded: no such directory: $(RECORDED) (set RECORDED=directory)" >&2; exit 1; \
	fi; \
	export EBBWATCH_RECORDED_DATA="$$(cd "$(RECORDED)" && pwd)"; \
	$(BIN)/pytest -m recorded tests -q -n auto --dist worksteal

proofs: $(DEV) $(KAFKA) parts ## every promise proved end to end, with its figures: make proofs RECORDED=directory KILLS=20 SEED=7
	@if [ ! -d "$(RECORDED)" ]; then \
	    echo "make proofs: no such directory: $(RECORDED) (set RECORDED=directory)" >&2; exit 1; \
	fi; \
	export EBBWATCH_RECORDED_DATA="$$(cd "$(RECORDED)" && pwd)" EBBWATCH_KILLS=$(KILLS) EBBWATCH_SEED=$(SEED); \
	$(BIN)/pytest -m proof tests/sim tests/integration -q -s

sim: $(DEV) parts ## simulated faults against a straight line: make sim SEED=7 ROUNDS=500
	@EBBWATCH_SEED=$(SEED) EBBWATCH_ROUNDS=$(ROUNDS) $(BIN)/pytest tests/sim -q -s

chaos: ROUNDS := 100
chaos: $(DEV) $(KAFKA) parts ## the live service through kills, zombies, restarts, rollbacks: make chaos SEED=7 ROUNDS=100
	@EBBWATCH_SEED=$(SEED) EBBWATCH_CHAOS_ROUNDS=$(ROUNDS) $(BIN)/pytest tests/integration/test_chaos.py -q -s

check: $(DEV) parts ## lint, format, types, layers, and what is deployed
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check . || { echo "make check: run 'make fmt'" >&2; exit 1; }
	@$(BIN)/mypy --strict $(CODE)
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/pytest tests/deploy -q

bench: $(RUNTIME) ## run the benchmarks
	@$(BIN)/python -m benchmarks.run

bench-scores: $(RUNTIME) ## what the churn score costs: ticks of 1 to 1,000 customers, a shard with and without, the learner
	@$(BIN)/python -m benchmarks.score_rate

bench-sla: $(DEV) $(KAFKA) parts ## what open complaint cases cost, and the delay of a breach: make bench-sla CASES=100000
	@$(BIN)/python -m benchmarks.sla_ticks $(if $(CASES),--cases $(CASES))

# Options of the command line of make: CUSTOMERS=, EVENTS=, ROUNDS=, ONLY=name,name, LARGE=customers or 0, LATENCY_S=, SHORTEST_S=.
PEER_OPTIONS := CUSTOMERS EVENTS ROUNDS ONLY LARGE LATENCY_S LATENCY_RATE SHORTEST_S
as_option = $(if $(findstring command,$(origin $(1))),--$(subst _,-,$(shell echo $(1) | tr A-Z a-z)) "$($(1))")

bench-peers: $(DEV) $(KAFKA) $(PEERS) $(KAFKA_STREAMS) parts ## ours beside Faust tables, Quix Streams and Kafka Streams, on one Kafka
	@$(BIN)/python -m benchmarks.peers.run $(foreach option,$(PEER_OPTIONS),$(call as_option,$(option)))

bench-quality: $(QUALITY) ## the churn score beside LightGBM on recorded data: make bench-quality RECORDED=directory ORDERS=5
	@if [ ! -d "$(RECORDED)" ]; then \
	    echo "make bench-quality: no such directory: $(RECORDED) (set RECORDED=directory)" >&2; exit 1; \
	fi; \
	$(BIN)/python -m benchmarks.quality.run --recorded "$(RECORDED)" $(if $(ORDERS),--orders $(ORDERS))

pictures: $(DEV) $(KAFKA) parts ## pictures of Prometheus over a live service (needs chromium): make pictures DIRECTORY=pictures
	@$(BIN)/python -m tests.support.pictures "$(or $(DIRECTORY),pictures)"

fmt: $(DEV) ## format, and fix what can be fixed
	@$(BIN)/ruff format -q .
	@$(BIN)/ruff check -q --fix .

parts: ## install redis-server, java, maven, openssl, prometheus and amtool, where root on Debian may
	@tests/support/install-parts

kafka: $(KAFKA) ## fetch the Kafka broker that tests start

clean: ## remove .venv, caches and build output
	@rm -rf $(VENV) .venv-peers build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name .git -prune -o -type d -name __pycache__ -exec rm -rf {} +

# A virtual environment holds absolute paths: one that came along with a copied or moved tree would
# run the code of the old place. The stamp remembers where it was made, and a stale one is made again.
ifneq ($(shell cat $(CREATED) 2>/dev/null),$(CURDIR))
.PHONY: $(CREATED)
endif

$(CREATED):
	@for python in "$(PYTHON)" python3.11 python3; do \
	    if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        "$$python" -m venv --clear $(VENV); \
	        echo "$(CURDIR)" > $@; \
	        exit 0; \
	    fi; \
	done; \
	echo "ebbwatch needs Python 3.11 or later with venv and ensurepip; tried: $(PYTHON) python3.11 python3" >&2; \
	exit 1

$(RUNTIME): $(CREATED) pyproject.toml constraints.txt
	@$(PIP_INSTALL) -e .
	@touch $@

# The dev install contains the runtime one, so it brings that stamp up to date as well.
$(DEV): $(CREATED) pyproject.toml constraints.txt
	@$(PIP_INSTALL) -e '.[dev]'
	@touch $(RUNTIME) $@

$(QUALITY): $(CREATED) pyproject.toml constraints.txt | $(RUNTIME)
	@$(PIP_INSTALL) -e '.[quality]'
	@touch $@

# The jars of the broker: 43 MB, fetched once.
$(KAFKA): tests/support/kafka/pom.xml | parts
	@rm -rf $(@D)
	@mvn -q -B -Dstyle.color=never -f $< dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$(CURDIR)/$(@D)/jars"
	@touch $@

# The peers' own virtual environment; nothing in it is a dependency of ours.
$(PEERS): benchmarks/peers/requirements.txt | $(RUNTIME)
	@rm -rf $(@D)
	@$(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip install -q --disable-pip-version-check -r $<
	@touch $@

$(KAFKA_STREAMS): benchmarks/peers/kafka-streams/pom.xml $(shell find benchmarks/peers/kafka-streams/src -name '*.java')
	@rm -rf $(@D)
	@mvn -q -B -f $< compile dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$(CURDIR)/$(@D)/jars"
	@touch $@

define VERSIONS
import importlib.metadata as metadata
import pathlib
import platform
import re
import subprocess
names = ["ebbwatch"]
for requirement in metadata.requires("ebbwatch") or []:
    if "extra ==" not in requirement:
        names.append(re.match(r"[\w.-]+", requirement).group())
print("python", platform.python_version(), *(f"| {name} {metadata.version(name)}" for name in names))
(jar,) = pathlib.Path("$(KAFKA)").parent.glob("jars/kafka_2.13-*.jar")
redis = subprocess.run(["redis-server", "--version"], check=True, capture_output=True, text=True).stdout
java = subprocess.run(["java", "-version"], check=True, capture_output=True, text=True).stderr.splitlines()[0]
print("Apache Kafka", jar.stem.removeprefix("kafka_2.13-"), "| redis-server", redis.split("v=")[1].split()[0], "|", java)
endef
export VERSIONS
