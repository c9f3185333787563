#!/bin/sh
# build.sh TARGET_FOLDER OUTPUT_FOLDER: builds the rivals in Rust from the crates that Debian packages, and
# never asks the network. Succeeds also where that is impossible: the suite skips what is not there.
here=$(dirname "$0")
rm -rf "$1/source" && mkdir -p "$1/source" && cp -r "$here/Cargo.toml" "$here/src" "$1/source/" || exit 1
if cargo build --quiet --release --offline --manifest-path "$1/source/Cargo.toml" --target-dir "$1" \
    --config 'source.crates-io.replace-with="debian"' \
    --config 'source.debian.directory="/usr/share/cargo/registry"'; then
    cp "$1"/release/tokio_echo "$1"/release/hyper_http "$1"/release/hyper_client "$1"/release/tokio_sleepers \
        "$1"/release/tokio_handover "$2/"
else
    echo "build.sh: the rivals in Rust are left out (cargo, librust-{tokio,hyper,h2,tokio-rustls}-dev)" >&2
fi
touch "$2/rust_rivals"
