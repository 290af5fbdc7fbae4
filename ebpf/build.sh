#!/bin/sh
# Builds the XDP program, or says whether the object in the tree is the one that its sources give.
#
#   ebpf/build.sh            rebuild mail_filter.bpf.o and mail_filter.bpf.o.sources
#   ebpf/build.sh --check    compare the hash of the sources, and of the object, with what was recorded when it was built;
#                            needs no toolchain. Where the toolchain that built it is installed, rebuild and compare too.
#   ebpf/build.sh --check-sources    the hashes alone
#
# The toolchain, either of:
#   - rustup toolchain install nightly --component rust-src; cargo install bpf-linker
#   - Debian: apt-get install rustc-web rust-web-src; cargo install bpf-linker --version 0.10.1
#     (its LLVM is the one inside rustc, so its version goes with rustc's)
# WRIT_BPF_RUSTC names another rustc that has its library's source; WRIT_BPF_LINKER another bpf-linker.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
object=$here/mail_filter.bpf.o
record=$object.sources

say() { echo "ebpf/build.sh: $*"; }
fail() { say "$*" >&2; exit 1; }

# One hash over names and contents of everything that the object is made from.
hash_of_sources() {
    (cd "$here" && find Cargo.toml Cargo.lock src filter/Cargo.toml filter/src -type f | LC_ALL=C sort |
        xargs sha256sum | sha256sum | cut -d' ' -f1)
}

hash_of() { sha256sum "$1" | cut -d' ' -f1; }

recorded() { sed -n "s/^$1 //p" "$record"; }

# Sets $rustc, $linker and $toolchain; fails quietly where either is not to be had.
find_toolchain() {
    linker=${WRIT_BPF_LINKER:-$(command -v bpf-linker || true)}
    [ -n "$linker" ] || { missing="bpf-linker"; return 1; }
    for candidate in ${WRIT_BPF_RUSTC:-} "$(rustup which --toolchain nightly rustc 2>/dev/null || true)" /usr/bin/rustc; do
        if [ -x "$candidate" ] && [ -d "$("$candidate" --print sysroot)/lib/rustlib/src/rust/library/core" ]; then
            rustc=$candidate
            toolchain="$("$rustc" --version), $("$linker" --version)"
            return 0
        fi
    done
    missing="a rustc with the source of its library"
    return 1
}

# Builds into the file $1.
build_into() {
    folder=${CARGO_TARGET_DIR:-$here/target}/bpf
    library=$("$rustc" --print sysroot)/lib/rustlib/src/rust
    # Neither the registry's folder nor this checkout's is to be found in the object.
    paths="--remap-path-prefix=$here=ebpf --remap-path-prefix=$library=rust"
    for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
        paths="$paths --remap-path-prefix=$registry=crates"
    done
    # rustc writes the real path of its library where sysroot has a link to it.
    paths="$paths --remap-path-prefix=$(cd "$library" && pwd -P)=rust"
    # Version 3 of the instruction set (Linux 5.1) has jumps on 32 bits. Headers stand at any octet, and the kernel's own check lets them
    # be read so where the processor can: without this, a field is put together octet by octet.
    flags="-C target-cpu=v3 -C target-feature=+allows-misaligned-mem-access"
    (cd "$here" && env -u RUSTC_WRAPPER CARGO_TARGET_DIR="$folder" RUSTC="$rustc" RUSTC_BOOTSTRAP=1 \
        CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER="$linker" RUSTFLAGS="$flags -C link-arg=--btf $paths" \
        cargo build --quiet --locked --release -Z build-std=core --target bpfel-unknown-none)
    cp "$folder/bpfel-unknown-none/release/mail_filter" "$1"
    chmod 644 "$1"
}

rebuild() {
    find_toolchain || fail "there is no $missing here; see the head of this file"
    build_into "$object"
    {
        echo "sources $(hash_of_sources)"
        echo "object $(hash_of "$object")"
        echo "toolchain $toolchain"
    } > "$record"
    say "built with $toolchain"
}

check_sources() {
    [ -f "$object" ] && [ -f "$record" ] || fail "mail_filter.bpf.o or its record is missing"
    [ "$(recorded sources)" = "$(hash_of_sources)" ] ||
        fail "the sources changed since mail_filter.bpf.o was built: run ebpf/build.sh and commit what it writes"
    [ "$(recorded object)" = "$(hash_of "$object")" ] || fail "mail_filter.bpf.o is not the object that was recorded"
    say "mail_filter.bpf.o was built from these sources"
}

check_rebuild() {
    if ! find_toolchain; then
        say "not rebuilt for comparison: there is no $missing here"
    elif [ "$toolchain" != "$(recorded toolchain)" ]; then
        say "not rebuilt for comparison: it was built with $(recorded toolchain), here is $toolchain"
    else
        fresh=$(mktemp)
        trap 'rm -f "$fresh"' EXIT
        build_into "$fresh"
        cmp -s "$fresh" "$object" || fail "a rebuild gives another object than the one in the tree"
        say "a rebuild gives the same object"
    fi
}

case ${1:-} in
    "") rebuild ;;
    --check-sources) check_sources ;;
    --check) check_sources; check_rebuild ;;
    *) fail "unknown argument $1: none, --check or --check-sources" ;;
esac
