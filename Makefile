# Thin verbs over cargo and go. `make` alone is what CI runs.

TARGET := $(or $(CARGO_TARGET_DIR),target)
ARGS ?=
# Seconds for each fuzz target, and the targets.
TIME ?= 60
FUZZ_TARGETS ?= $(sort $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs))))

# The tools that check what the server says about itself. Released versions, so that two machines
# check with the same ones.
DREDD_VERSION := 14.1.0
DREDD := $(abspath $(TARGET))/dredd/node_modules/.bin/dredd
HTTPYAC_VERSION := 6.16.7
HTTPYAC := $(abspath $(TARGET))/httpyac/node_modules/.bin/httpyac
SCHEMATHESIS_VERSION := 4.32.5
SCHEMATHESIS := $(abspath $(TARGET))/schemathesis/bin/schemathesis

# The mail server that tests/mail.rs talks to, in a Python environment of its own.
AIOSMTPD_VERSION := 1.4.6
AIOSMTPD := $(abspath $(TARGET))/aiosmtpd/bin/python

# The clients and proxies that tests/clients.rs runs, each with its Debian package.
CLIENTS := curl:curl ab:apache2-utils wrk:wrk python3:python3 nginx:nginx haproxy:haproxy \
	chromium:chromium

# The server that tests/stores.rs starts, and where Debian puts the programs of each version of it.
POSTGRES := postgres:postgresql
POSTGRES_PATH := /usr/lib/postgresql/*/bin

# Installs Debian packages as root, or as somebody who may become root without being asked.
APT_INSTALL = if [ "$$(id -u)" = 0 ]; then sudo=; else sudo="sudo -n"; fi; \
	command -v apt-get >/dev/null && $$sudo apt-get update -qq \
		&& $$sudo env DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends

# Installs a tool into a folder of its own below TARGET: $(call NPM,name,version), $(call PIP,..).
NPM = { command -v npm >/dev/null || { [ "$$CI" = true ] && { $(APT_INSTALL) npm; } >/dev/null; }; } \
	&& mkdir -p $(TARGET)/$(1) \
	&& npm install --silent --no-audit --no-fund --fetch-retries=1 --prefix $(TARGET)/$(1) $(1)@$(2)
PIP = { python3 -c 'import ensurepip' 2>/dev/null \
		|| { [ "$$CI" = true ] && { $(APT_INSTALL) python3-venv; } >/dev/null; }; } \
	&& python3 -m venv $(TARGET)/$(1) \
	&& $(TARGET)/$(1)/bin/python -m pip install --quiet --disable-pip-version-check --retries 1 \
		$(1)==$(2)
# Without a tool, its test says that it was skipped; only where CI runs it must be there.
UNLESS_CI = { rm -rf $(TARGET)/$(1); \
	if [ "$$CI" = true ]; then echo "make: $(1) could not be installed"; exit 1; fi; \
	echo "SKIPPED: $(1) could not be installed; $(2) stays unchecked"; }

.DEFAULT_GOAL := all
.PHONY: all run build lint test load bench data drain overload fairness slow fuzz clean help go components \
	tools clients dredd httpyac schemathesis aiosmtpd fuzzer
# The steps share cargo's lock and the machine's few cores; -j would only mix up what they print.
.NOTPARALLEL:

all: lint build test load ## everything that must pass: lint, build, test, load

run: ## serve the sample applications; ARGS='--port 8080' passes options
	STAGES=$${STAGES:-sample_server/stages} cargo run --release --bin sample_server -- $(ARGS)

build: go ## release builds of the server and both load clients
	cargo build --release --bin sample_server --bin client
	cd client_go && go build -o $(abspath $(TARGET))/client_go client.go

lint: components go ## format, clippy, rustdoc and go vet, warnings denied
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features
	@unformatted=$$(gofmt -l client_go); \
	if [ -n "$$unformatted" ]; then echo "gofmt: not formatted: $$unformatted"; exit 1; fi
	cd client_go && go vet ./...

test: go tools clients ## all tests, doc-tests included
	@if [ -x $(DREDD) ]; then export DREDD=$(DREDD); else unset DREDD; fi; \
	if [ -x $(HTTPYAC) ]; then export HTTPYAC=$(HTTPYAC); else unset HTTPYAC; fi; \
	if [ -x $(SCHEMATHESIS) ]; then export SCHEMATHESIS=$(SCHEMATHESIS); \
	else unset SCHEMATHESIS; fi; \
	export AIOSMTPD_PYTHON=$(AIOSMTPD); \
	set -x; cargo test --workspace --all-features
	cd client_go && go test ./...

load: build ## a short load on the release build: no error, and a clean stop
	tests/load.sh

bench: build ## compare with hyper and with a bare epoll loop; ARGS='--rounds 3'
	bench/run.sh $(ARGS)

slow: build ## a thousand requests of 5 s at once on each lane, as a table and a drawing
	python3 -B bench/slow_requests.py $(ARGS)

overload: build ## offer a limited handler ten times its load; ARGS='--seconds 10'
	python3 -B bench/overload.py $(ARGS)

fairness: build ## a thousand modest connections beside greedy ones; ARGS='--rounds 3'
	python3 -B bench/fairness.py $(ARGS)

drain: build ## stop and restart under load, and count what is lost; ARGS='--rounds 3'
	python3 -B bench/drain.py $(ARGS)

data: build ## brands beside axum and the originals, logins, a killed database; ARGS='--only heal'
	python3 -B bench/data.py $(ARGS)

fuzz: fuzzer ## fuzz each target for TIME=60 seconds; FUZZ_TARGETS='pieces verbs' chooses
	@for target in $(FUZZ_TARGETS); do \
		echo "fuzz: $$target for $(TIME) s"; \
		mkdir -p $(abspath $(TARGET))/fuzz/$$target; \
		cargo +nightly fuzz run $$target $(abspath $(TARGET))/fuzz/$$target \
			$(CURDIR)/fuzz/corpus/$$target -- -max_total_time=$(TIME) -dict=fuzz/http.dict \
			-timeout=10 -print_final_stats=1 || exit 1; \
	done

clean: ## remove all that was built
	cargo clean
	rm -rf bench/target fuzz/target

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

# What the verbs need from the machine.

go:
	@command -v go >/dev/null || { $(APT_INSTALL) golang-go; } \
		|| { echo "make: Go 1.19 or later is needed: install it from your system's packages"; exit 1; }

components:
	@{ cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1 \
		|| rustup component add rustfmt clippy \
		|| { echo "make: rustfmt and clippy are needed: rustup component add rustfmt clippy"; exit 1; }

fuzzer:
	@cargo +nightly --version >/dev/null 2>&1 \
		|| { echo "make: fuzzing needs a nightly compiler: rustup toolchain install nightly"; exit 1; }
	@command -v c++ >/dev/null \
		|| { echo "make: fuzzing needs a C++ compiler: install it from your system's packages"; exit 1; }
	@cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked \
		|| { echo "make: cargo-fuzz could not be installed"; exit 1; }

tools: dredd httpyac schemathesis aiosmtpd

dredd:
	@test -x $(DREDD) || { $(call NPM,dredd,$(DREDD_VERSION)); } \
		|| $(call UNLESS_CI,dredd,docs/docking.apib)

httpyac:
	@test -x $(HTTPYAC) || { $(call NPM,httpyac,$(HTTPYAC_VERSION)); } \
		|| $(call UNLESS_CI,httpyac,docs/api.http)

schemathesis:
	@test -x $(SCHEMATHESIS) || { $(call PIP,schemathesis,$(SCHEMATHESIS_VERSION)); } \
		|| $(call UNLESS_CI,schemathesis,/openapi.json)

aiosmtpd:
	@{ test -x $(AIOSMTPD) && $(AIOSMTPD) -c 'import aiosmtpd' 2>/dev/null; } \
		|| { $(call PIP,aiosmtpd,$(AIOSMTPD_VERSION)); } \
		|| $(call UNLESS_CI,aiosmtpd,mail to a mail server)

# Optional: the tests say which they skip. Only CI's machine is changed without being asked.
clients:
	@missing=; PATH="$$PATH:/usr/sbin:/usr/local/sbin"; \
	for folder in $(POSTGRES_PATH); do PATH="$$PATH:$$folder"; done; \
	for client in $(CLIENTS) $(POSTGRES); do \
		command -v $${client%:*} >/dev/null || missing="$$missing $${client#*:}"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$CI" = true ]; then { $(APT_INSTALL) $$missing; } >/dev/null && exit 0; fi; \
	echo "SKIPPED: the tests of clients that are not installed; Debian packages:$$missing"
