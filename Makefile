# The everyday commands. One build profile (dev, optimised) serves check, test, demo and lab.

TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
export RAVELIN ?= $(TARGET)/debug/ravelin

NEXTEST := $(shell command -v cargo-nextest 2>/dev/null)
DENY := $(shell command -v cargo-deny 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help demo test test-guest check bench lab soak fuzz fmt clean deps deps-build build format-check clippy tidy unit doc deny

help:
	@echo 'make demo    real traffic through the firewall, checked (root)'
	@echo 'make lab     the same, then a shell in the client (root)'
	@echo 'make check   format, clippy, tidy, unit and simulation tests, docs, deny (no root)'
	@echo 'make test    check, and the namespace tests (root; skipped loudly without)'
	@echo 'make test-guest  the namespace tests on Debian'"'"'s own kernel, on cards and VLAN devices, and a power cut, in a QEMU guest (root)'
	@echo 'make bench   benches of the library, then against the kernel on veth (root; skipped loudly without)'
	@echo 'make soak    the properties with CASES cases each (default 100000), texts of TEXT_MB (50), then make fuzz'
	@echo 'make fuzz    each fuzz target for FUZZ_SECONDS (default 300)'
	@echo 'make deps    install what is missing of the Debian packages (root)'
	@echo 'make fmt     format; make clean: remove what was built and what a lab left'

demo: deps build
	lab/demo.sh

lab: deps build
	lab/demo.sh --shell

# The binary is the one that the tests were built with: tidy knows the features that it differs in from `make build`.
test: check deps
	lab/run-tests

# Outside the gate: a guest whose instructions are translated takes two hours.
test-guest: deps build
	.ci/deps guest
	cargo test --locked --package ravelin-conformance --test afxdp --no-run
	KIT=$$(cargo test --locked --package ravelin-conformance --test afxdp --no-run --message-format=json 2>/dev/null | \
		sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n1) && test -x "$$KIT" && \
		KIT=$$KIT GUEST_DIR=$(TARGET)/guest lab/guest/run

check: format-check clippy tidy unit doc deny

build: deps-build
	cargo build --locked --package ravelin

deps: deps-build
	.ci/deps lab

deps-build:
	.ci/deps build

format-check:
	cargo fmt --all --check

clippy: deps-build
	cargo clippy --workspace --all-targets --locked -- -D warnings

tidy:
	cargo xtask tidy

unit: deps-build
ifdef NEXTEST
	cargo nextest run --workspace --locked --no-fail-fast
else
	cargo test --workspace --locked --no-fail-fast --lib --bins --tests
endif
	cargo test --workspace --locked --doc --quiet

doc: deps-build
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --locked --no-deps --quiet

# Advisories need a network; licences, bans and sources do not.
deny:
ifdef DENY
	cargo deny --locked check licenses bans sources
else
	@echo '*** deny SKIPPED: cargo-deny is not installed (licences and sources were not checked) ***'
endif

bench: deps-build
	cargo bench --workspace --locked --bench '*'
	cargo build --release --locked --package ravelin
	RAVELIN=$(TARGET)/release/ravelin bench/wire.sh || [ $$? = 77 ]
	RAVELIN=$(TARGET)/release/ravelin bench/never-stops.sh || [ $$? = 77 ]
	RAVELIN=$(TARGET)/release/ravelin bench/many-sessions.sh || [ $$? = 77 ]
	RAVELIN=$(TARGET)/release/ravelin BUSY=3 bench/under-attack.sh || [ $$? = 77 ]

CASES ?= 100000
TEXT_MB ?= 50
FUZZ_SECONDS ?= 300
FUZZ_TARGETS := packet configuration language control
# What libFuzzer needs to see of a program, in flags that the stable compiler takes.
COVERAGE := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
FUZZ_BUILD = RUSTFLAGS='$(COVERAGE)' cargo build --manifest-path fuzz/Cargo.toml --release \
	--target $(FUZZ_HOST) --target-dir $(TARGET)/fuzz
FUZZ_HOST = $(shell rustc -vV | sed -n 's/^host: //p')

soak: deps-build
	TEXT_MB=$(TEXT_MB) PROPTEST_CASES=$(CASES) cargo test --workspace --locked --release --no-fail-fast
	$(MAKE) fuzz

fuzz: deps-build
	.ci/deps soak
	$(FUZZ_BUILD)
	for target in $(FUZZ_TARGETS); do \
		mkdir -p $(TARGET)/fuzz/corpus/$$target; \
		$(TARGET)/fuzz/$(FUZZ_HOST)/release/$$target -max_total_time=$(FUZZ_SECONDS) -max_len=2000 -verbosity=0 \
			-artifact_prefix=$(TARGET)/fuzz/$$target- $(TARGET)/fuzz/corpus/$$target crates/conformance/configs || exit 1; \
	done

fmt:
	cargo fmt --all

clean:
	@if [ "$$(id -u)" = 0 ]; then lab/topology.sh down demo; lab/topology.sh down test; fi
	cargo clean
