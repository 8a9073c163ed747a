# One target per developer task: `make` lists them. Prerequisites: Rust, Python 3.10 or later, cc, make.
# Every other tool is pinned in local/requirements.txt and installed into .venv by the first target that needs it. The second
# emulator of the adapter tests is pinned in local/requirements-strict.txt and installed into .venv-strict, and the AWS CLI of
# `make test-dist` in local/requirements-awscli.txt and .venv-awscli.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
# State of the local stacks. The tests have a separate directory, so that they do not affect a running stack.
export LOCAL_DIR ?= .local
TEST_DIR := $(LOCAL_DIR)/test

PYTHON := .venv/bin/python
# Shows Cargo's progress. It does not need .venv.
SHOWN := python3 local/build.py
VENV := .venv/installed
# The scanner of the templates.
CHECKOV := .venv-checkov/installed
# The linter of the workflows.
ACTIONLINT := .venv-actionlint/bin/actionlint
# The scanner whose findings are exported. It scans the deployed stack, and its Security Hub sender is measured beside ours.
PROWLER := .venv-prowler/installed
# The second S3 and DynamoDB of the adapter tests.
STRICT := .venv-strict/installed
# The AWS CLI, with which a release is installed.
AWSCLI := .venv-awscli/installed
# Starts a local AWS, runs one command, and stops it. Its Security Hub has the accounts of the tests.
ON_A_STACK := env LOCAL_DIR=$(TEST_DIR) SIMULATOR_CONFIG=tests/end_to_end/world.json $(PYTHON) local/stack.py run
# Starts the emulators of the adapter tests, runs one command, and stops them.
ON_EMULATORS := env LOCAL_DIR=$(TEST_DIR) $(PYTHON) local/emulators.py run
# Runs a target of this file. A line with MAKE itself would run the tests in `make -n`, too.
ALSO = $(MAKE) --no-print-directory
# Runs commands that are separated by -- at the same time.
CONCURRENTLY = $(PYTHON) local/concurrently.py
# Threads for the profile `complete` of .config/nextest.toml: five for each core.
THREADS := $(shell python3 -c 'import os; print(5 * (os.cpu_count() or 1))')
# One build for the demo, the tests, and the sample server. It builds the whole workspace, so that every package uses the same features of
# its dependencies, and an example, which enables the features that only tests request. Otherwise the tests compile the AWS SDK again.
PROGRAMS := --locked --workspace --bins --example serve --example serve-console
# Estimates, based on the CPU time in docs/performance.md.
USUALLY := 5 to 8 minutes on 2 cores
USUALLY_TESTS := 2 to 3 minutes on 2 cores
# The web console on sample data, as Cargo left it.
CONSOLE := $(or $(CARGO_TARGET_DIR),target)/debug/examples/serve-console
# The packages that need neither the AWS SDK nor a server.
FAST := -p asff -p conformance -p web-console -p exporter -p management -p runtime -p simulator -p tidy
# The tests of the scripts in local and of what deploy and .github have, in seconds.
UNIT_TESTS = cd local && $(CURDIR)/$(PYTHON) -B -m unittest --quiet $(patsubst local/%.py,%,$(filter-out local/test_api.py local/test_console.py,$(wildcard local/test_*.py)))

say = @echo "==> $(1)"

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

# --- Try it ------------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(VENV) build ## Export two real scans to a simulated Security Hub, on a local AWS; KEEP=1 keeps it running
	@KEEP=$(KEEP) PACKAGE=$(PACKAGE) $(PYTHON) local/demo.py

.PHONY: console
console: ## Open the web console on sample data in memory, without AWS: make console PORT=8017
	cargo run --locked --quiet -p web-console --example serve-console -- $(or $(PORT),8017)

.PHONY: invoke
invoke: $(VENV) build ## Run a function alone on a sample event: make invoke EVENT=events/NAME.json (requires make stack-up)
	@$(PYTHON) local/invoke.py "$(EVENT)"

.PHONY: stack-up
stack-up: $(VENV) build ## Start a local AWS with the template deployed; its outputs are in .local/stack.json
	@$(PYTHON) local/stack.py up

.PHONY: stack-down
stack-down: ## Stop the stack that `make stack-up` or `make demo KEEP=1` started
	@if [ -x $(PYTHON) ]; then $(PYTHON) local/stack.py down; fi

.PHONY: clean-local
clean-local: stack-down ## Stop the local stack and delete its files
	rm -rf $(LOCAL_DIR) .aws-sam

# --- Test it -----------------------------------------------------------------------------------------------------------

.PHONY: test
test: $(VENV) build ## Run all tests, including end-to-end tests on a separate local AWS
	$(CONCURRENTLY) $(ALSO) test-rust \
		-- $(PYTHON) local/test_console.py .local/bin/serve-console \
		-- $(PYTHON) local/test_api.py .local/bin/serve \
		-- bash -c '$(UNIT_TESTS)'
	$(PYTHON) local/iam.py --check

.PHONY: test-rust
test-rust: $(VENV) $(STRICT) build ## Run only the tests in Rust, including end-to-end tests on a separate local AWS
	$(ON_A_STACK) $(ON_EMULATORS) $(ALSO) rust-tests

# What test-rust runs while its stack and its emulators are up.
.PHONY: rust-tests
rust-tests:
	$(call say,compiling the tests)
	@$(SHOWN) --usually "$(USUALLY_TESTS)" cargo nextest run --locked --workspace --tests --no-run
	cargo nextest run --locked --workspace --tests --profile complete --test-threads $(THREADS)

.PHONY: test-api
test-api: $(VENV) build ## Test the management API against its OpenAPI description, with schemathesis
	$(PYTHON) local/test_api.py .local/bin/serve

.PHONY: test-console
test-console: $(VENV) ## Test the web console in a browser: every page, and scenarios (wants chromium)
	cargo build --locked -p web-console --example serve-console
	$(PYTHON) local/test_console.py $(CONSOLE)

.PHONY: screenshots
screenshots: $(VENV) ## Take the pictures of docs/console.md again from the sample data (wants chromium)
	cargo build --locked -p web-console --example serve-console
	$(PYTHON) local/test_console.py $(CONSOLE) --screenshots docs/images

.PHONY: test-adapters
test-adapters: $(VENV) $(STRICT) ## Run only the adapter tests, on two emulators of S3 and DynamoDB
	$(ON_EMULATORS) cargo nextest run --locked --workspace -E 'binary(adapters)'

.PHONY: test-end-to-end
test-end-to-end: $(VENV) build ## Run only the end-to-end tests
	$(ON_A_STACK) cargo nextest run --locked --workspace --test end_to_end

.PHONY: test-fast
test-fast: $(VENV) ## Run the tests that need neither the AWS SDK nor a server, in under two minutes
# Half of the simulation's seeds of `make test`.
	SEEDS=3 cargo nextest run --locked $(FAST)
	cargo test --locked --quiet --doc -p asff -p exporter -p simulator
	$(PYTHON) local/iam.py --check
	$(UNIT_TESTS)

.PHONY: simulate
simulate: ## Run the fault-injection simulation: make simulate SEEDS=1000 SEED=0; a failure prints its seed
	SEEDS=$(or $(SEEDS),1000) SEED=$(or $(SEED),0) cargo test --locked --release -p exporter --test simulation -- --nocapture weeks:: histories:: parallel:: moving_fallbacks::

.PHONY: bench
bench: $(VENV) ## Measure a large export against the simulator: make bench FINDINGS=100000 REGIONS=16
	$(call say,compiling hubctl and the simulator for release)
	@$(SHOWN) cargo lambda build --release --locked --bin hubctl --bin simulator --lambda-dir .local/release
	@$(PYTHON) local/bench.py

.PHONY: bench-prowler
bench-prowler: $(VENV) $(PROWLER) ## Measure Prowler's own sender and the exporter on the same scans: make bench-prowler FINDINGS=1000 REGIONS="1 16" RETRIES=10
	$(call say,compiling hubctl and the simulator for release)
	@$(SHOWN) cargo lambda build --release --locked --bin hubctl --bin simulator --lambda-dir .local/release
	@$(PYTHON) local/bench_prowler.py

.PHONY: cost
cost: $(VENV) build ## Count the requests of exports on a local stack, and compute the monthly costs in docs/cost.md
	$(PYTHON) local/cost.py measure

.PHONY: bench-accounts
bench-accounts: ## Measure the memory use for a file of many accounts in 17 Regions: make bench-accounts ACCOUNTS=2000
	ACCOUNTS=$(or $(ACCOUNTS),2000) cargo test --release --locked -p exporter --test memory -- --nocapture

.PHONY: bench-check
bench-check: ## Measure connection checks against the simulator: make bench-check ACCOUNTS=1000 LATENCY_MS=80
	cargo run --release --locked -p aws --example check_rate -- --accounts $(or $(ACCOUNTS),1000) \
		--latency-ms $(or $(LATENCY_MS),80)

.PHONY: bench-console
bench-console: $(VENV) ## Measure the pages of the web console with a large organization: make bench-console ACCOUNTS=1000 RUNS=10000
	cargo build --release --locked --quiet -p web-console --example serve-console
	@$(PYTHON) local/bench_console.py $(or $(CARGO_TARGET_DIR),target)/release/examples/serve-console \
		--accounts $(or $(ACCOUNTS),1000) --runs $(or $(RUNS),10000)

.PHONY: check
check: $(VENV) ## Run every check that CI runs: formatting, lints, documentation, dependencies, template, workflows, crate graph
	$(call say,formatting)
	cargo fmt --all --check
	$(call say,templates)
	$(PYTHON) local/packaged.py .local/packaged.yaml
	cfn-lint template.yaml deploy/*.yaml .local/packaged.yaml
	sam validate --lint --template template.yaml --region us-east-1
	$(PYTHON) local/templates.py
	$(PYTHON) local/iam.py --check
	$(call say,sample events)
	$(PYTHON) local/invoke.py --check
	$(call say,Regions)
	$(PYTHON) local/regions.py --check
	$(call say,workflows)
	$(PYTHON) local/workflows.py
	$(call say,dependencies)
	cargo deny --locked --workspace check --hide-inclusion-graph bans licenses sources
	$(call say,lints)
	cargo clippy --locked --workspace --all-targets --features planted-defect/in-memory -- -D warnings
	$(call say,documentation)
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
	$(call say,crate graph)
	cargo nextest run --locked -p tidy

.PHONY: actionlint
actionlint: $(ACTIONLINT) ## Check the syntax of the workflows; the linter is downloaded from github.com
	$(ACTIONLINT)

.PHONY: checkov
checkov: $(VENV) $(CHECKOV) ## Scan the templates with checkov; local/checkov.py lists each exception with its reason
	$(PYTHON) local/checkov.py .venv-checkov/bin/checkov

.PHONY: scan-stack
scan-stack: $(VENV) $(PROWLER) build ## Scan the deployed template with Prowler; docs/hardening.md lists each exception with its reason
	$(PYTHON) local/scan_stack.py

.PHONY: advisories
advisories: $(VENV) ## Check the dependencies against the RustSec advisories, which are downloaded from github.com
	cargo deny --locked --workspace check --hide-inclusion-graph advisories

.PHONY: openapi
openapi: ## Generate the OpenAPI description of the management API: shared/management/openapi.json
	cargo run --locked --quiet -p management --example openapi > openapi.json.new
	mv openapi.json.new shared/management/openapi.json

.PHONY: fmt
fmt: ## Format the code
	cargo fmt --all

# --- Build it ----------------------------------------------------------------------------------------------------------

.PHONY: build
build: ## Compile the functions, hubctl, the simulator and the sample server, unoptimized, into .local/bin
	$(call say,compiling)
	@$(SHOWN) --usually "$(USUALLY)" --programs .local/bin cargo build $(PROGRAMS)

.PHONY: package
package: $(VENV) ## Package the functions for release, as `sam build` does; fails if one is over 8 MB zipped, or if a panic prevents a response
	$(call say,compiling the functions for release)
# `sam build` asks Cargo for each function in the same way, silently: it then finds everything compiled.
	@$(SHOWN) cargo lambda build --release --locked --bin export-findings --bin check-connections --bin manage-integrations
	$(PYTHON) local/package.py
# The same profile and the same linker, with a defect in it. Its feature must not be in the build above: it would be in the functions, too.
	@$(SHOWN) cargo lambda build --release --locked --bin planted-defect --features planted-defect/in-memory --lambda-dir .local/release
	$(PYTHON) local/defect.py

# What `make dist` writes, and `make test-dist` installs.
DIST ?= dist

.PHONY: dist
dist: $(VENV) ## Build everything that a release has, for this kind of machine, into dist/
	$(call say,compiling the programs of the release)
	$(PYTHON) local/compile.py
	$(call say,packaging them into $(DIST))
	$(PYTHON) local/dist.py build $(DIST)

.PHONY: test-dist
test-dist: $(VENV) $(AWSCLI) build ## Install a release from its directory alone on a local AWS, and export a scan; DIST=dist, or unoptimized programs
ifeq ($(origin DIST),file)
	$(call say,packaging unoptimized programs)
	$(PYTHON) local/dist.py build $(TEST_DIR)/dist --programs .local/bin
	LOCAL_DIR=$(TEST_DIR) $(PYTHON) local/installed.py $(TEST_DIR)/dist
else
	LOCAL_DIR=$(TEST_DIR) $(PYTHON) local/installed.py $(DIST)
endif

.PHONY: reproducible
reproducible: $(VENV) ## Build the release of HEAD twice, in two directories, and compare the two byte for byte
	$(PYTHON) local/reproducible.py

# On arm64 Linux cargo-lambda compiles for the host, whatever the template says.
ARCHITECTURE ?= $(if $(filter Linux-aarch64,$(shell uname -s)-$(shell uname -m)),arm64,x86_64)

.PHONY: deploy
deploy: $(VENV) ## Build with the pinned tools and deploy with your AWS credentials: make deploy PARAMETERS="NotificationEmail=..."
	sam build --parameter-overrides Architecture=$(ARCHITECTURE)
	$(PYTHON) local/architecture.py $(ARCHITECTURE)
	sam deploy --parameter-overrides Architecture=$(ARCHITECTURE) $(PARAMETERS)

.PHONY: timings
timings: ## Compile everything from scratch into .local/timings, and show the crates that take longest (cargo --timings)
	rm -rf .local/timings
	@CARGO_TARGET_DIR=.local/timings $(SHOWN) --usually "$(USUALLY)" cargo build $(PROGRAMS) --timings
	python3 local/timings.py .local/timings

# Python compiles what is used of a package when it is used: compiling everything takes half of the installation.
$(VENV): local/requirements.txt
	$(call say,installing the tools pinned in local/requirements.txt into .venv)
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed")'
	python3 -m venv .venv
	.venv/bin/pip install --quiet --no-compile --disable-pip-version-check --no-deps --require-hashes --requirement local/requirements.txt
	@touch $@

$(CHECKOV): local/requirements-checkov.txt
	$(call say,installing checkov into .venv-checkov)
	python3 -m venv .venv-checkov
	.venv-checkov/bin/pip install --quiet --no-compile --disable-pip-version-check --no-deps --require-hashes --requirement local/requirements-checkov.txt
	@touch $@

$(PROWLER): local/requirements-prowler.txt
	$(call say,installing Prowler into .venv-prowler)
	python3 -c 'import sys; sys.exit(sys.version_info >= (3, 14) and "Prowler requires Python 3.10 to 3.13")'
	python3 -m venv .venv-prowler
	.venv-prowler/bin/pip install --quiet --no-compile --disable-pip-version-check --no-deps --require-hashes --requirement local/requirements-prowler.txt
	@touch $@

$(ACTIONLINT): local/requirements-actionlint.txt
	$(call say,installing actionlint into .venv-actionlint)
	python3 -m venv .venv-actionlint
	.venv-actionlint/bin/pip install --quiet --no-compile --disable-pip-version-check --no-deps --require-hashes --requirement local/requirements-actionlint.txt
	@touch $@

$(AWSCLI): local/requirements-awscli.txt
	$(call say,installing the AWS CLI pinned in local/requirements-awscli.txt into .venv-awscli)
	python3 -m venv .venv-awscli
	.venv-awscli/bin/pip install --quiet --no-compile --disable-pip-version-check --no-deps --require-hashes --requirement local/requirements-awscli.txt
	@touch $@

$(STRICT): local/requirements-strict.txt $(VENV)
	$(call say,installing the emulators pinned in local/requirements-strict.txt into .venv-strict)
	python3 -m venv .venv-strict
	.venv-strict/bin/pip install --quiet --no-compile --disable-pip-version-check --no-deps --require-hashes --requirement local/requirements-strict.txt
	@touch $@

.PHONY: regions
regions: $(VENV) ## Add the Regions of a newer botocore to the data file
	$(PYTHON) local/regions.py

.PHONY: lock-python
lock-python: ## Regenerate the pinned requirements in local from their .in files (requires uv)
	cd local && for name in requirements requirements-strict requirements-prowler requirements-awscli; do uv pip compile --quiet --universal --python-version 3.10 \
		--generate-hashes --no-annotate --no-header --upgrade --override overrides.in "$$name.in" --output-file "$$name.txt"; done
