#!/bin/sh
# Builds the runtime library to prebuilt/base.wasm and prebuilt/full.wasm, or with --check proves that the
# committed bytes are what the sources give.
#
# Needs cargo, and the registry for the dependencies. The compiler with a Wasm target comes from Debian's
# packages, which are unpacked into a cache folder and not installed:
#   DEFACTO_GUEST_CACHE      where (default: ~/.cache/defacto-guest)
#   DEFACTO_GUEST_TOOLCHAIN  an unpacked tree to use instead
#   DEFACTO_GUEST_TARGET     build folder (default: in the cache)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
workspace=${DEFACTO_GUEST_WORKSPACE:-$(cd "$here/../.." && pwd)}
cache=${DEFACTO_GUEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/defacto-guest}
root=${DEFACTO_GUEST_TOOLCHAIN:-$cache/root}
target=${DEFACTO_GUEST_TARGET:-$cache/target}

if [ ! -x "$root/usr/bin/rustc" ]; then
    mkdir -p "$cache/packages"
    cd "$cache/packages"
    std=$(apt-cache depends libstd-rust-web-dev | sed -n 's/.*Depends: \(libstd-rust-web-[0-9.]*\)$/\1/p' | head -n 1)
    apt-get download rustc-web rust-web-src libstd-rust-web-dev "$std"
    llvm=$( (dpkg-deb -f rustc-web_*.deb Depends; dpkg-deb -f "$std"_*.deb Depends) | grep -o 'libllvm[0-9]*' | head -n 1)
    apt-get download "$llvm"
    for package in ./*.deb; do dpkg-deb -x "$package" "$root"; done
fi

# The linker of the installed toolchain; asked for before its compiler is replaced.
sysroot=$(rustc --print sysroot)
host=$(rustc -vV | sed -n 's/^host: //p')
CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$sysroot/lib/rustlib/$host/bin/rust-lld
LD_LIBRARY_PATH=$root/usr/lib/$(uname -m)-linux-gnu
RUSTC=$root/usr/bin/rustc
RUSTC_BOOTSTRAP=1
CARGO_TARGET_DIR=$target
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER LD_LIBRARY_PATH RUSTC RUSTC_BOOTSTRAP CARGO_TARGET_DIR
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS

# One unit, no unwinding, no messages: a panic is a trap. Only features that every engine has. No path of this
# machine in the bytes.
RUSTFLAGS="-Zunstable-options -Cpanic=immediate-abort -Cembed-bitcode=yes \
-Ctarget-cpu=mvp -Ctarget-feature=+bulk-memory,+sign-ext,+nontrapping-fptoint,+mutable-globals \
-Clink-arg=--export-table -Clink-arg=--growable-table -Clink-arg=--export=__heap_base -Clink-arg=--no-entry \
--remap-path-prefix=$workspace=/defacto --remap-path-prefix=$root=/toolchain \
--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
CARGO_PROFILE_RELEASE_OPT_LEVEL=${DEFACTO_GUEST_OPT:-3}
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
    cargo rustc -p defacto-guest --lib --crate-type cdylib --release --target wasm32-unknown-unknown \
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
else
    mkdir -p "$here/prebuilt"
    install -m 644 base.wasm full.wasm SHA256SUMS "$here/prebuilt/"
fi
