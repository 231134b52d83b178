#!/usr/bin/env bash
# Fuzzes the parsers of untrusted input with libFuzzer, starting from golden files. Inputs that fail are kept as
# .build-fuzz/TARGET/found-*.
#
#   make fuzz                      ten minutes for each target
#   make fuzz SECONDS_EACH=60      a minute for each
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${SECONDS_EACH:-600}
export SWIFT_BACKTRACE=enable=no
swift build --package-path Fuzz --scratch-path .build-fuzz --sanitize=fuzzer

# usage: fuzz TARGET SEED...
fuzz() {
    local target=$1 corpus=.build-fuzz/$1
    shift
    mkdir -p "$corpus"
    local number=0
    for seed in "$@"; do
        [ -f "$seed" ] || continue  # Some golden "files" are directories.
        number=$((number + 1))
        cp "$seed" "$corpus/seed-$number"
    done
    echo ">> $target for $seconds s"
    ".build-fuzz/debug/$target" -max_total_time="$seconds" -max_len=40000 -timeout=30 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$corpus/found-" -verbosity=0 "$corpus"
}
fuzz SafetensorsHeader Tests/Golden/broken/*.safetensors Tests/Golden/models/single-label/model.safetensors
index=.build-fuzz/index.json
{
    printf '{"weight_map":{'
    grep -ao '"[a-z_.0-9]*":{"dtype"' Tests/Golden/models/single-label/model.safetensors \
        | sed 's/:{"dtype"$/:"model-00001-of-00001.safetensors"/' | paste -sd,
    printf '}}'
} > $index
fuzz ShardIndex $index
fuzz AdapterConfig Tests/Golden/adapters/*/adapter_config.json
tensors=.build-fuzz/tensors  # a byte that chooses an adapter of the target's list, and its tensors
mkdir -p $tensors
number=0
for adapter in $(sed -n '/^let adapters/,/^]/s/"\([a-z0-9-]*\)",*/\1/gp' Fuzz/Sources/AdapterTensors/Target.swift); do
    { printf "\\x$(printf %02x $number)"; cat "Tests/Golden/adapters/$adapter/adapter_model.safetensors"; } \
        > $tensors/$adapter
    number=$((number + 1))
done
fuzz AdapterTensors $tensors/*
requests=.build-fuzz/requests
mkdir -p $requests
grep -o '{"jsonrpc[^`]*}' docs/protocol.md | split -l 1 - $requests/line-
fuzz Requests $requests/line-*
fuzz SettingsText etc/astd.yaml
