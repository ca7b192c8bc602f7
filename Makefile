# One entry for laptops and CI alike. `make` shows what there is.
#
# Works with no terminal and no input, with and without CARGO_TARGET_DIR, and offline once
# everything has been fetched. Steps run one after the other (cargo uses all cores by itself);
# each tells its time, and a table of all of them ends the run.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:

# rustup's own folder first: a distribution's cargo beside it is another version.
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
export CARGO_TARGET_DIR ?= $(CURDIR)/target
# What a run from the start to the end would not use again is not kept: gigabytes of it.
export CARGO_INCREMENTAL ?= 0

# How long `make fuzz` and the fuzz step of `make test` run, all targets together.
SECONDS ?= 60
# How long `make soak` fuzzes, and how long it kills writers of recordings.
SOAK_MINUTES ?= 60
# PORTCULLIS_REGRESS_SQL=…/src/test/regress of PostgreSQL's source: `make soak` then also compares
# the classifier with a server over its own regression tests, which are not ours to copy.
# How many cases each property test tries at least in `make soak` (256 or more in `make test`).
SOAK_CASES ?= 20000
# How many edits of a policy `make soak` times, and how many Connections it makes at once, each with
# four policies (20 and 50 in `make test`).
SOAK_EDITS ?= 200
SOAK_CONNECTIONS ?= 500
# How often the operator is killed meanwhile (three times in `make test`).
SOAK_KILLS ?= 12

STEP := hack/step
# Everything is built as one workspace, so that every step shares one set of dependencies.
CARGO_TEST := cargo test --locked --workspace

.PHONY: help
help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## Install what is missing on a fresh Debian or Ubuntu (apt, rustup); root or sudo.
	@hack/deps

.PHONY: demo
demo: begin ## A database, a proxy and a walk through both; ARGS=--once ends by itself.
	@$(STEP) build cargo build --locked --workspace --bins
	@$(CARGO_TARGET_DIR)/debug/portcullis demo $(ARGS)

.PHONY: check
check: checks ## Format, lints, tidy (arrows, budgets, licences, bans), generated files.
	@$(STEP) --table

.PHONY: test
test: checks tests walk fuzzing ## All of check, all tests, the demo, a minute of fuzzing. What CI runs.
	@$(STEP) --table

.PHONY: gen
gen: begin ## Write the generated files: custom resources, their reference, the list of limits.
	@$(STEP) "custom resources" cargo run --locked --package portcullis-crds --bin crdgen
	@$(STEP) limits cargo run --locked --package portcullis-tidy --bin limits

.PHONY: fuzz
fuzz: begin fuzzing ## Fuzz every target, SECONDS=60 in all.

.PHONY: bench
bench: begin ## Measure; the figures are printed as they come.
	@$(STEP) "detectors" cargo run --locked --release --package portcullis-policy --example detectors
	@$(STEP) bench cargo bench --locked --workspace --bench '*'
	@$(STEP) "proxy" cargo build --locked --release --package portcullis-proxy
	@$(STEP) "side by side" bench/run

.PHONY: soak
soak: begin ## Hours instead of minutes: SOAK_MINUTES=60 each of fuzzing and of crash tests.
	@$(STEP) build cargo build --locked --workspace --bins
	@$(STEP) "build tests" $(CARGO_TEST) --no-run
	@PROPTEST_CASES=$(SOAK_CASES) E2E_EDITS=$(SOAK_EDITS) E2E_CONNECTIONS=$(SOAK_CONNECTIONS) E2E_KILLS=$(SOAK_KILLS) \
	  $(STEP) "long properties" e2e/run $(CARGO_TEST) --no-fail-fast
	@$(STEP) "API server away" e2e/run $(CARGO_TEST) --test e2e_outages -- --ignored
	@if [ -n "$$PORTCULLIS_REGRESS_SQL" ]; then $(STEP) "server's own SQL" $(CARGO_TEST) \
	  --test sql -- --ignored the_regression_tests_of_the_server_agree; fi
	@$(STEP) "ten gigabytes" $(CARGO_TEST) --test postgres -- --ignored --nocapture ten_gigabytes
	@$(STEP) "long crashes" hack/repeat $$(($(SOAK_MINUTES) * 60)) $(CARGO_TEST) --quiet --test crash
	@$(STEP) "long fuzzing" hack/fuzz $$(($(SOAK_MINUTES) * 60))
	@$(STEP) --table

.PHONY: e2e
e2e: begin ## What users do, on a real Kubernetes: the one of KUBECONFIG, or one of this machine's own.
	@$(STEP) build cargo build --locked --workspace --bins
	@$(STEP) "build tests" $(CARGO_TEST) --no-run --test 'e2e*' --test store_s3
	@$(STEP) "end to end" e2e/run $(CARGO_TEST) --no-fail-fast --test 'e2e*'
	@$(STEP) --table

.PHONY: cluster
cluster: ## A real Kubernetes of one node, of this machine's own; prints its kubeconfigs. Root.
	@$(STEP) --begin
	@$(STEP) deps hack/deps cluster
	@$(STEP) "cluster programs" e2e/cluster/build
	@$(STEP) "cluster up" e2e/cluster/cluster up
	@$(STEP) --table

.PHONY: cluster-down
cluster-down: ## End it, and undo what it did to the machine.
	@$(STEP) "cluster down" e2e/cluster/cluster down

.PHONY: cluster-verify
cluster-verify: ## Check a cluster that just started; ask it about every rule and sample of ours.
	@$(STEP) "cluster checks" e2e/cluster/verify/run

# --- steps ---------------------------------------------------------------------------------------

.PHONY: begin checks tests walk fuzzing
begin:
	@$(STEP) --begin
	@$(STEP) deps hack/deps

checks: begin
	@$(STEP) format cargo fmt --all --check
	@$(STEP) lints cargo clippy --locked --workspace --all-targets -- -D warnings
	@RUST_BACKTRACE=0 $(STEP) tidy $(CARGO_TEST) --quiet --test tidy
	@$(STEP) "generated files" $(CARGO_TEST) --quiet --test drift

tests:
	@$(STEP) build cargo build --locked --workspace --bins
	@$(STEP) "build tests" $(CARGO_TEST) --no-run
	@$(STEP) tests e2e/run $(CARGO_TEST) --no-fail-fast

# The tests have built what it runs.
walk:
	@$(STEP) demo $(CARGO_TARGET_DIR)/debug/portcullis demo --once

fuzzing:
	@$(STEP) "fuzzing ($(SECONDS) s)" hack/fuzz $(SECONDS)
