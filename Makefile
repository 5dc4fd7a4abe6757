# Every job of CI is a target here. Programs, images and environments lie in OREMILL_CACHE.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

OREMILL_CACHE ?= $(HOME)/.cache/oremill
BOOT ?= python3
VENV := $(OREMILL_CACHE)/venv-$(shell sha256sum requirements-dev.txt | cut -c1-12)
PYTHON := $(VENV)/bin/python
# The dev cluster's programs (kubectl, helm, mc), built when they are not there, and its kubeconfig.
PROGRAMS = $(BOOT) -c 'from devcluster import layout, tools; tools.ensure(layout.default_cache())'
CLUSTER_ENV = $(PROGRAMS); eval "$$($(BOOT) -m devcluster env)"
PYTEST := $(PYTHON) -m pytest

CONTEXT ?=
REGISTRY ?=
TARGET := $(if $(CONTEXT),--context $(CONTEXT)) $(if $(REGISTRY),--registry $(REGISTRY))

export OREMILL_CACHE
export PYTHONPATH := operator:.

##@ Use
.PHONY: demo deploy images cluster-up cluster-down
demo: ## From nothing to an evaluated model; CONTEXT= and REGISTRY= choose another cluster
	@$(BOOT) -m devcluster.demo $(TARGET)
deploy: ## The same as far as the chart and its inputs, with no pipeline applied
	@$(BOOT) -m devcluster.demo $(TARGET) --until ready
images: ## Build the images that changed; load them, or push them to REGISTRY=
	@$(BOOT) -m devcluster.images $(if $(REGISTRY),--registry $(REGISTRY))
cluster-up: ## Start the dev cluster, a real Kubernetes on this machine
	@$(BOOT) -m devcluster up
cluster-down: ## Stop it; nothing but the cache stays
	@$(BOOT) -m devcluster down

##@ Develop
.PHONY: setup format lint generate requirements verify docs clean
setup: $(VENV)/complete ## Make the Python environment, in the cache
$(VENV)/complete: requirements-dev.txt
	@$(BOOT) -m devcluster.environment
	@touch $@
format: setup ## Format and fix the code
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .
lint: setup ## ruff, mypy, import order, generated files, chart; changes nothing
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(VENV)/bin/lint-imports
	$(PYTHON) -m oremill.crdgen --check
	$(CLUSTER_ENV); helm lint --strict --quiet helm/oremill
generate: setup ## Write CRDs, their chart copy and the reference pages from the specs
	$(PYTHON) -m oremill.crdgen
requirements: ## Pin the newest versions that pyproject.toml allows
	@$(BOOT) -m devcluster.environment --pin
verify: generate lint ## Generated files are those of the sources, and the code is clean
	git diff --exit-code -- crds docs/reference helm/oremill/templates/crds
docs: generate ## Write the reference pages; check links, names and examples in all pages
	$(PYTEST) -q tests/unit/test_docs.py tests/unit/test_examples.py
clean: ## Remove what tools left in this checkout
	git clean -fdX -e '!.venv'

##@ Test
.PHONY: test test-unit test-api test-e2e test-soak bench bench-corpus
test: lint cluster-up images ## All that runs on one machine: lint, unit, API server, chart, end to end
	$(CLUSTER_ENV); $(PYTEST) tests
test-unit: setup ## Seconds to minutes, no cluster
	$(PYTEST) tests/unit
test-api: setup ## CRDs, chart and operator against a real API server
	$(PYTEST) tests/api
test-e2e: setup cluster-up images ## The example pipeline on the dev cluster
	$(CLUSTER_ENV); $(PYTEST) tests/e2e
test-soak: setup cluster-up images ## Gigabytes through a pod with a limit: the best part of an hour, 60 GB of disk
	$(CLUSTER_ENV); $(PYTEST) -m soak -s tests/soak
bench: setup ## Measure the judge and the corpus's passes on this machine
	$(PYTHON) -m bench.judge
	$(PYTHON) -m bench.corpus_order
	$(PYTHON) -m bench.corpus_screens
	$(PYTHON) -m bench.corpus_secrets
bench-corpus: setup ## The corpus beside datatrove and text-dedup; SIZE=100M PART=50M for a quick look
	@$(PROGRAMS)
	$(PYTHON) -m bench.corpus $(if $(SIZE),--size $(SIZE)) $(if $(PART),--part $(PART))

##@ Help
.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
