# Every target is a command or two that work without make as well.
# One chapter only: `make test-red CHAPTER=02`.

CHAPTER ?=
# How long each fuzz target runs.
SECONDS ?= 20

# The tests wait more than they compute.
export RUST_TEST_THREADS ?= 8

.NOTPARALLEL:
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' Makefile)

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1#/p' Makefile | awk -F '#' '{ printf "make %-14s %s\n", $$1, $$2 }'

lesson: ## where you are, the verdict, what to do next
	cargo lesson

mine: ## the chat room from your green modules, the rest from the answer key
	cargo lesson mine

list: ## all chapters and steps, and how far you are
	cargo lesson list

sockets: ## who listens and who is connected on this machine
	cargo lesson sockets

test: ## all tests of the answer key and of the runner
	cargo test --workspace --features scale

# How often; each prints a line.
RUNS ?= 100

test-again: ## all tests RUNS=100 times, to the first failure: a flake is a bug
	@mkdir -p target
	@for run in $$(seq $(RUNS)); do \
		cargo test --workspace --features scale >target/again.log 2>&1 </dev/null || \
			{ echo "run $$run of $(RUNS) failed: see target/again.log"; exit 1; }; \
		echo "run $$run of $(RUNS): green"; \
	done

test-red: ## every test fails on the starters, for its declared reason
	cargo lesson red $(CHAPTER)

test-green: ## every test passes on your code, or on the answer key
	cargo lesson green $(CHAPTER)

test-key: ## every test passes on the answer key
	cargo lesson green --key $(CHAPTER)

test-refactor: ## still green, tests untouched, rustfmt and clippy content
	cargo lesson refactor $(CHAPTER)

test-bugs: ## every planted bug is caught by exactly its tests
	cargo lesson bugs $(CHAPTER)

format: ## every file stands as rustfmt puts it
	cargo fmt --all --check
	rustfmt --check --edition 2024 lessons/*/*.rs tests/fuzz/fuzz_targets/*.rs

lint: ## clippy has nothing to say
	cargo clippy --workspace --all-targets --features scale -- -D warnings
	cargo clippy --all-targets -- -D warnings

fuzz: ## new ways through the decoders, SECONDS=20 for each target
	@if cargo +nightly fuzz --version >/dev/null 2>&1; then \
		for target in $$(cargo +nightly fuzz list --fuzz-dir tests/fuzz); do \
			cargo +nightly fuzz run --fuzz-dir tests/fuzz --target-dir target/fuzz $$target -- \
				-verbosity=0 -max_total_time=$(SECONDS) || exit 1; \
		done; \
	else \
		echo "fuzz: skipped, for there is no nightly toolchain or no cargo-fuzz"; \
	fi

check: format lint test test-red test-key test-bugs fuzz ## all that must hold before a commit

bench-loop: ## from a save to its verdict, beside plain cargo test
	cargo bench --profile dev --package lesson --bench loop

bench-servers: ## our three servers beside Python's, in one run
	cargo bench --bench servers

bench-chat: ## the chat room beside Python's, and a plot of it
	cargo run --release --quiet --package bench-chat -- --clients 10,100,1000,10000 --plot .github/figures/bench-chat.svg

bench-relay: ## what a relay adds: one, two and three servers on one broker
	cargo run --release --quiet --package bench-chat -- relay

MINUTES ?= 60
# threads, or events
ENGINE ?= threads
# rude joins and leaves in a second
VISITS ?= 20

soak: ## an hour of talk among rude visitors; nothing may be lost
	cargo run --release --quiet --package bench-chat -- soak --minutes $(MINUTES) --engine $(ENGINE) --visits-per-second $(VISITS)
