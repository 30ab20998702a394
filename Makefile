# Every target says what it does in the words after its ##; `make` alone prints them.

PYTHON ?= python3
VENV ?= .venv
IMAGE ?= localhost/creditbot:dev
VERSION ?= $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
BASE_IMAGE ?= python:3.11-slim-bookworm
CONTAINER_TOOL ?= docker
KIND_CLUSTER ?= creditbot
LOAD_IMAGE ?= kind load docker-image --name $(KIND_CLUSTER)
IN_KIND := kubectl --context kind-$(KIND_CLUSTER) --namespace creditbot-sandbox
OVERLAY ?= production
BENCH ?=
SPECS ?=
SEEDS ?= 300
KILLS ?= 20

BIN := $(VENV)/bin
# A virtual environment belongs to one Python: another PYTHON, another lock or another pyproject.toml build it again.
STAMP := $(VENV)/creditbot-$(shell $(PYTHON) -c 'import sys; print(*sys.version_info[:3], sep=".")' 2>/dev/null)
PYTEST := $(BIN)/python -m pytest
PROCESSES ?= 2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
# Where no bytecode may be written, each of the hundreds of processes of the tests compiles what it imports.
unexport PYTHONDONTWRITEBYTECODE

# $(call patiently,WORDS,COMMAND): says the words, runs the command, and says that it still runs every five seconds.
define patiently
	@echo "$(1)"; \
	(while sleep 5 >&- 2>&-; do echo "  still at it, $$SECONDS s"; done) & ticker=$$!; \
	trap "kill $$ticker" EXIT; \
	$(2)
endef
# $(call needs,PROGRAM,WHERE IT COMES FROM): ends with one line if the program is not there.
needs = @command -v $(1) >/dev/null || { echo "make $@ needs the program $(1) on PATH: $(2)." >&2; exit 1; }
# pip would compile all of it, which takes longer than installing it: what a first run imports is enough.
FIRST_IMPORTS := duckdb, ipykernel.ipkernel, looker_sdk, matplotlib.pyplot, obstore, pandas, papermill, scrapbook, slack_sdk, sqlglot
PIP_INSTALL := $(BIN)/python -m pip --quiet --disable-pip-version-check install --no-compile

##@ Use it
.PHONY: run-once
run-once: $(STAMP)-runtime ## One tick: on Slack and Looker if a .env or SLACK_*/LOOKER_* say which, else on the bundled sandbox
	@if [ -e .env ] || [ -n "$$(compgen -e SLACK_; compgen -e LOOKER_)" ]; then exec $(BIN)/creditbot run-once; else exec $(BIN)/creditbot sandbox run; fi

.PHONY: serve
serve: $(STAMP)-runtime ## Answer until Ctrl-C, on the same Slack and Looker as run-once, or on the bundled sandbox
	@if [ -e .env ] || [ -n "$$(compgen -e SLACK_; compgen -e LOOKER_)" ]; then exec $(BIN)/creditbot serve; else exec $(BIN)/creditbot sandbox live; fi

.PHONY: check
check: $(STAMP)-runtime ## Test settings, Slack, Looker, notebooks, state and warehouse, and say what to do where one fails
	@$(BIN)/creditbot check

##@ Develop it
.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

.PHONY: install
install: $(STAMP)-dev ## Make .venv from the hashed locks (PYTHON=python3.12 for another Python)

$(STAMP)-runtime: requirements.lock requirements-build.lock pyproject.toml
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || \
		{ echo "creditbot needs Python 3.11, 3.12 or 3.13 with its venv module, and $(PYTHON) is not that: say which with PYTHON=python3.12." >&2; exit 2; }
	$(call patiently,Setting up $(VENV) (about a minute)...,$(PYTHON) -m venv --clear $(VENV) && \
	$(PIP_INSTALL) --require-hashes -r requirements.lock -r requirements-build.lock && \
	$(PIP_INSTALL) --no-index --no-deps --no-build-isolation --editable . && \
	$(BIN)/python -c 'import $(FIRST_IMPORTS)')
	@touch $@

$(STAMP)-dev: $(STAMP)-runtime requirements-dev.lock
	$(call patiently,Adding the development tools (half a minute)...,$(PIP_INSTALL) --require-hashes -r requirements-dev.lock)
	@touch $@

.PHONY: test
test: $(STAMP)-dev ## Everything that runs without a cluster: lint, types, import layers, all tests
	@$(MAKE) -j 3 lint types layers
	@$(MAKE) unit

.PHONY: test-fast
test-fast: $(STAMP)-dev ## While you write code: no sandbox, kernels, recordings or crash sweep, 20 examples a property, a tenth of large tables
	HYPOTHESIS_PROFILE=fast PROCESSES=$(PROCESSES) $(BIN)/python -m tests.parallel_runs -p no:cov -m "not sandbox and not kernels and not slow" \
		--every 10 --ignore tests/cluster --ignore tests/monitoring --ignore tests/warehouse --ignore tests/crash --ignore tests/replay --ignore-glob '*sandbox*'

.PHONY: test-notebooks
test-notebooks: $(STAMP)-runtime ## While you edit a notebook: both on the sandbox's traffic and on edge cases, in words
	@$(BIN)/python -m tests.notebook_checks $(foreach product,verify psms,$(if $($(product)),--$(product) $($(product))))

.PHONY: lint
lint: $(STAMP)-dev ## Code style, workflows and their permissions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/zizmor --offline --quiet --persona pedantic .github
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

.PHONY: format
format: $(STAMP)-dev ## Rewrite the code to the style where that is safe
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: types
types: $(STAMP)-dev ## mypy, strict
	$(call patiently,$(BIN)/mypy,$(BIN)/mypy)

.PHONY: layers
layers: $(STAMP)-dev ## Imports point one way
	$(BIN)/lint-imports

.PHONY: unit
unit: $(STAMP)-dev ## All tests but the cluster's, 100 examples a property (500 with CI=true)
	PROCESSES=$(PROCESSES) $(BIN)/python -m tests.parallel_runs --cov --cov-report=term

.PHONY: sentences
sentences: $(STAMP)-dev ## List every sentence that people read in tests/sentences.txt, after one was changed
	@$(BIN)/python -m tests.sentences 2>/dev/null

.PHONY: settings
settings: $(STAMP)-dev ## Write .env.example, docs/settings.md, the README's table and the chart's schema from the code, after a setting was changed
	@$(BIN)/python -m creditbot.settings.describe

.PHONY: dashboard
dashboard: $(STAMP)-dev ## Write the Grafana dashboard from its script, after a panel was changed
	@$(BIN)/python k8s/components/monitoring/dashboard.py

.PHONY: cassettes
cassettes: $(STAMP)-dev ## Record the replayed HTTP again; SPECS=FOLDER also what the vendors document (tests/cassettes/README.md)
	CREDITBOT_RECORD_SPECS="$(SPECS)" $(PYTEST) tests/replay --record-mode=rewrite
	$(PYTEST) tests/replay

.PHONY: transcripts
transcripts: $(STAMP)-dev ## Run the examples of README.md and docs/, and write down what they print now
	$(BIN)/python -m tests.support.transcripts

.PHONY: pictures
pictures: $(STAMP)-dev ## Draw the card, the page and the report in docs/pictures again, in a real browser (needs chromium)
	$(call needs,chromium,install Debian's package of that name)
	$(BIN)/python -m tests.support.pictures

.PHONY: fuzz
fuzz: $(STAMP)-dev ## Property tests with 10,000 examples each, and 100,000 generated SQL texts (nightly)
	SQL_INPUTS=100000 $(PYTEST) -n $(PROCESSES) tests/contract/test_sql_reader.py -k generated
	HYPOTHESIS_PROFILE=nightly $(PYTEST) -n $(PROCESSES) -m hypothesis --timeout 7200

.PHONY: test-monitoring
test-monitoring: $(STAMP)-dev ## Metrics, alerts and dashboard, against a real Pushgateway and a real Prometheus
	$(call needs,prometheus,install Debian's package prometheus)
	$(call needs,promtool,install Debian's package prometheus)
	$(call needs,prometheus-pushgateway,install Debian's package of that name)
	$(PYTEST) -p no:cov -n 0 tests/monitoring -m monitoring

.PHONY: test-warehouse
test-warehouse: $(STAMP)-dev ## Notebooks and SQL on the real engines that WAREHOUSES names (duckdb postgresql trino; duckdb alone by default)
	$(PYTEST) -p no:cov -n 0 tests/warehouse -m warehouse

.PHONY: crash-test
crash-test: $(STAMP)-dev ## Crash sweep: SEEDS runs in process, KILLS real kills (nightly 10000 and 500)
	CASES=all CRASH_SEEDS=$(SEEDS) CRASH_KILLS=$(KILLS) $(PYTEST) tests/crash --timeout 7200

.PHONY: mutants
mutants: $(STAMP)-dev ## Mutate the claim, post and credit modules, or those of MODULES="..."; every mutant is killed or explained (nightly)
	$(BIN)/python -m tests.mutants $(MODULES)

.PHONY: bench
bench: $(STAMP)-dev ## Time an idle tick, a request, a backlog and a large history (BENCH=--quick: less exactly)
	$(BIN)/python -m bench $(BENCH)

.PHONY: lock
lock: $(STAMP)-dev ## Resolve the locks again from pyproject.toml (needs a package index)
	@for lock in "requirements.lock" "requirements-ml.lock --extra ml -c requirements.lock" "requirements-dev.lock --group dev --extra ml --extra postgresql --extra trino -c requirements-ml.lock"; do \
		$(BIN)/uv pip compile pyproject.toml --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-strip-extras --quiet -o $$lock; done
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' | \
		$(BIN)/uv pip compile - --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-strip-extras --quiet -o requirements-build.lock

.PHONY: clean
clean: ## Remove .venv, caches and build results; data/ and logs/ stay
	rm -rf $(VENV) build dist mutants .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Run it in Kubernetes
.PHONY: image
image: ## Build the container image IMAGE with CONTAINER_TOOL (docker by default)
	$(call needs,$(firstword $(CONTAINER_TOOL)),it builds the image. CONTAINER_TOOL=podman names another builder)
	$(CONTAINER_TOOL) build --build-arg BASE_IMAGE=$(BASE_IMAGE) --build-arg VERSION=$(VERSION) \
	  --build-arg REVISION=$(REVISION) --tag $(IMAGE) .

.PHONY: deploy
deploy: ## Show what OVERLAY (production by default) would change in the cluster of your kubectl context, ask (YES=1: do not), apply
	@YES="$(YES)" k8s/deploy k8s/overlays/$(OVERLAY)

.PHONY: kind
kind: ## A local kind cluster with the sandbox overlay: one tick in it, and the channel after it
	$(call needs,docker,install Docker)
	@docker info >/dev/null 2>&1 || { echo "make kind needs a running docker: docker info fails." >&2; exit 1; }
	$(call needs,kind,see kind.sigs.k8s.io)
	$(call needs,kubectl,see kubernetes.io/docs/tasks/tools)
	kind get clusters | grep -x $(KIND_CLUSTER) >/dev/null || kind create cluster --name $(KIND_CLUSTER) --wait 120s
	$(MAKE) image
	$(LOAD_IMAGE) $(IMAGE)
	kubectl kustomize k8s/overlays/sandbox | sed 's|localhost/creditbot:dev|$(IMAGE)|' | \
	  kubectl --context kind-$(KIND_CLUSTER) apply --server-side --filename -
	$(IN_KIND) rollout status deployment/sandbox --timeout 180s
	job=now-$$(date +%s); \
	$(IN_KIND) create job --from=cronjob/creditbot $$job; \
	$(IN_KIND) wait --for=condition=complete job/$$job --timeout 300s
	$(IN_KIND) exec deployment/sandbox -- creditbot sandbox show

.PHONY: test-cluster
test-cluster: $(STAMP)-dev ## Tests against the cluster of KUBECONFIG, or kind, or the API server of KUBEBUILDER_ASSETS; HELM names Helm 3, 4 or both
	@IMAGE="$(IMAGE)" LOAD_IMAGE="$(LOAD_IMAGE)" KIND_CLUSTER="$(KIND_CLUSTER)" $(BIN)/python -m tests.parallel_runs cluster -m "cluster or helm"
