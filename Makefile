# Writ: `make demo` shows it at work, `make test` tests it; each does all of its own set-up.

SHELL := /bin/bash
.DELETE_ON_ERROR:

.PHONY: demo faults test build deps test-deps bench-deps lint fmt bench bench-live bench-peers bench-xdp xdp

## Replays a capture that ships in the tree, and shows what is handed over and what is not.
demo: deps
	cargo build --quiet --package writ
	demo/run.sh

## All tests, the live path through AF_XDP included (as root; without, it says what it skips).
test: deps test-deps
	cargo build --package writ
	cargo test --workspace

## Makes every fault of docs/reliability.md happen to a real run, as often as the table there says (root; some minutes).
faults: deps test-deps
	cargo build --package writ
	tests/faults/run.py "$${CARGO_TARGET_DIR:-target}/debug/writ"

## The program, as it is installed.
build: deps
	cargo build --release --package writ

## What a build needs besides Rust.
deps:
	@deploy/packages.sh build

## What the tests need besides.
test-deps:
	@deploy/packages.sh test

## What the benchmarks need besides.
bench-deps:
	@deploy/packages.sh bench

## Each room by itself (criterion), and what an octet and a PDU cost in instructions (callgrind).
bench: deps bench-deps
	cargo bench --package writ-bench
	bench/per-octet.sh
	bench/encode.sh

## Writ and its peers on the same capture, one core each. Writes docs/peers.md and docs/peers.png.
bench-peers: deps bench-deps
	cargo build --release --package writ --package writ-bench
	bench/peers.py --write docs

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --manifest-path ebpf/Cargo.toml --package writ-filter -- -D warnings

fmt:
	cargo fmt --all

## Builds the XDP program anew from its source (needs the BPF toolchain, see ebpf/README.md).
xdp:
	ebpf/build.sh

## Nanoseconds a packet of the XDP program (as root).
bench-xdp: deps
	bench/xdp.sh

## Generated mail through a veth pair at rising rates until packets are lost, and how long it takes to the LEMF's socket (as root).
bench-live: deps bench-deps
	bench/live.py
