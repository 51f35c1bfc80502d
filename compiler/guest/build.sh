#!/bin/sh
# Builds the runtime library to prebuilt/base.wasm and prebuilt/full.wasm, or with --check proves that the
# committed bytes are what the sources give.
#
# The bytes depend on the compiler, so it is one particular release, which rustup installs beside whatever else there
# is; the registry gives the dependencies. DEFACTO_GUEST_TARGET names the build folder (default: in the cache).
set -eu

toolchain=1.95.0

here=$(cd "$(dirname "$0")" && pwd)
workspace=$(cd "$here/../.." && pwd)
cache=${DEFACTO_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/defacto-build}
target=${DEFACTO_GUEST_TARGET:-$cache/guest}

if ! command -v rustup >/dev/null 2>&1; then
    echo "build.sh: rustup is missing; the runtime library needs Rust $toolchain with its sources" >&2
    exit 3
fi
source=$(rustup run $toolchain rustc --print sysroot 2>/dev/null || true)/lib/rustlib/src/rust/library/Cargo.lock
if [ ! -f "$source" ]; then
    rustup toolchain install $toolchain --profile minimal --component rust-src --no-self-update || {
        echo "build.sh: Rust $toolchain with its sources can't be had" >&2
        exit 3
    }
fi
RUSTC=$(rustup which rustc --toolchain $toolchain)
sysroot=$("$RUSTC" --print sysroot)
host=$("$RUSTC" -vV | sed -n 's/^host: //p')
CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$sysroot/lib/rustlib/$host/bin/rust-lld
RUSTC_BOOTSTRAP=1
CARGO_TARGET_DIR=$target
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER RUSTC RUSTC_BOOTSTRAP CARGO_TARGET_DIR
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS RUSTC_WRAPPER RUSTUP_TOOLCHAIN

# One unit, no unwinding, no messages: a panic is a trap. Only features that every engine has. No path of this
# machine in the bytes.
RUSTFLAGS="-Zunstable-options -Cpanic=immediate-abort -Cembed-bitcode=yes \
-Ctarget-cpu=mvp -Ctarget-feature=+bulk-memory,+sign-ext,+nontrapping-fptoint,+mutable-globals \
-Clink-arg=--export-table -Clink-arg=--growable-table -Clink-arg=--export=__heap_base -Clink-arg=--no-entry \
--remap-path-prefix=$workspace=/defacto --remap-path-prefix=$sysroot=/toolchain \
--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
CARGO_PROFILE_RELEASE_OPT_LEVEL=3
CARGO_PROFILE_RELEASE_LTO=fat
CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
CARGO_PROFILE_RELEASE_STRIP=symbols
export RUSTFLAGS CARGO_PROFILE_RELEASE_OPT_LEVEL CARGO_PROFILE_RELEASE_LTO CARGO_PROFILE_RELEASE_CODEGEN_UNITS \
    CARGO_PROFILE_RELEASE_STRIP

cd "$workspace"
out=$target/prebuilt
mkdir -p "$out"
for variant in base full; do
    features=
    if [ "$variant" = full ]; then features="--features regex"; fi
    # shellcheck disable=SC2086
    rustup run $toolchain cargo rustc -p defacto-guest --lib --crate-type cdylib --release --target wasm32-unknown-unknown --locked \
        -Zbuild-std=std $features
    cp "$target/wasm32-unknown-unknown/release/defacto_guest.wasm" "$out/$variant.wasm"
done
cd "$out"
{
    sha256sum base.wasm full.wasm
    "$RUSTC" --version | sed 's/^/# /'
} > SHA256SUMS

if [ "${1:-}" = --check ]; then
    for file in base.wasm full.wasm SHA256SUMS; do cmp "$file" "$here/prebuilt/$file"; done
    echo "the committed runtime library is what the sources give"
else
    mkdir -p "$here/prebuilt"
    install -m 644 base.wasm full.wasm SHA256SUMS "$here/prebuilt/"
fi
