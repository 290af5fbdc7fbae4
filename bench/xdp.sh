#!/bin/sh
# Nanoseconds a packet of the XDP program, as the table that docs/performance.md has: with the commit, the machine and the command.
# Needs root, and the built object alone: no BPF toolchain.
#
#   bench/xdp.sh [ARGUMENTS]        arguments of writ-xdp-cost: --rounds, --runs, --processor
set -eu
cd "$(dirname "$0")/.."
# What is measured is in the kernel: how this was built does not matter to it.
cargo build --quiet -p writ-bench --bin writ-xdp-cost
processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
echo "Commit \`$(git rev-parse --short HEAD)\`, $(nproc) cores of $processor, Linux $(uname -r | cut -d- -f1), \`bench/xdp.sh${*:+ $*}\`:"
echo
"${CARGO_TARGET_DIR:-target}/debug/writ-xdp-cost" "$@"
