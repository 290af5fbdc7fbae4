#!/bin/sh
# Builds the fuzz targets and runs each for so many seconds:
#
#   tests/fuzz/run.sh [SECONDS [TARGET...]]      60 seconds for every target by default
#   tests/fuzz/run.sh --build-only               builds all of them and replays the known inputs; what CI does
#   tests/fuzz/run.sh --minimise TARGET FILE     makes an input that fails as small as can be, into regressions/TARGET/
#
# Needs the stable toolchain and a C++ compiler, for libFuzzer. What cargo-fuzz would tell the compiler is told here, so that
# neither it nor a nightly is needed; `cargo +nightly fuzz run --fuzz-dir tests/fuzz TARGET` works as well, and finds faults of
# memory too (Writ's own code here is safe Rust, so that AddressSanitizer costs half the speed and has little to find).
#
# Inputs that widen coverage are kept in corpus/TARGET, those that fail in artifacts/TARGET; neither is in the tree.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"

# Debian's package of the C++ compiler, where there is none.
if ! command -v c++ >/dev/null; then
    apt-get install -y g++ >/dev/null
fi

targets() {
    sed -n 's/^    ("\([a-z_]*\)", .*/\1/p' src/lib.rs
}

if [ "${1-}" = --build-only ]; then
    # No coverage counters: what is asked is whether it builds, and in the workspace's own target directory most of what
    # the targets depend on is built already.
    CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-"$here/../../target"}
    export CARGO_TARGET_DIR
    cargo build --bins
    cargo test
    exit
fi

CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-"$here/target"}
export CARGO_TARGET_DIR
host=$(rustc -vV | sed -n 's/^host: //p')
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares"
# With a --target of its own, build scripts and macros are not counted.
RUSTFLAGS="${RUSTFLAGS-} $coverage" cargo build --release --bins --target "$host"
built=$CARGO_TARGET_DIR/$host/release
for target in $(targets); do
    if [ ! -d "corpus/$target" ]; then
        cargo run --quiet --no-default-features --example seeds -- corpus
    fi
done

fuzz() { # target, further options
    target=$1
    shift
    mkdir -p "corpus/$target" "artifacts/$target"
    case $target in
    smtp | interception | lemf_smtp) set -- "$@" -dict=dictionaries/smtp.dict ;;
    pop3) set -- "$@" -dict=dictionaries/pop3.dict ;;
    imap | inflate) set -- "$@" -dict=dictionaries/imap.dict ;;
    esac
    "$built/$target" -artifact_prefix="artifacts/$target/" -timeout=10 -rss_limit_mb=2048 -max_len=16384 "$@"
}

if [ "${1-}" = --minimise ]; then
    mkdir -p "regressions/$2"
    smallest=regressions/$2/$(basename "$3")
    fuzz "$2" -minimize_crash=1 -max_total_time=60 -exact_artifact_path="$here/$smallest" "$3" || true
    # An input that is as small as can be already is not written again.
    [ -f "$smallest" ] || cp "$3" "$smallest"
    echo "$smallest"
    exit
fi

seconds=${1:-60}
[ $# -eq 0 ] || shift
failed=
for target in ${*:-$(targets)}; do
    echo "== $target, $seconds s"
    if fuzz "$target" -max_total_time="$seconds" -print_final_stats=1 "corpus/$target" >"corpus/$target.log" 2>&1; then
        grep -E 'number_of_executed_units|new_units_added|peak_rss_mb' "corpus/$target.log"
    else
        failed="$failed $target"
        grep -E 'panicked at|SUMMARY|Test unit written' -A 3 "corpus/$target.log" | tail -n 12
    fi
done
if [ -n "$failed" ]; then
    echo "failed:$failed" >&2
    exit 1
fi
