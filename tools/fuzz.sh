#!/usr/bin/env bash
# Fuzzes the parsers of untrusted input with libFuzzer, starting from golden files, one target a processor at a time. Inputs
# that fail are kept as .build-fuzz/TARGET/found-*, what a target printed as .build-fuzz/TARGET.log. For half of that time,
# a running astd-gateway receives broken HTTP (fuzz_http.py).
#
#   make fuzz                      ten minutes for each target
#   make fuzz SECONDS_EACH=60      a minute for each
set -euo pipefail
cd "$(dirname "$0")/.."
export SECONDS_EACH=${SECONDS_EACH:-600}
export SWIFT_BACKTRACE=enable=no
swift build --package-path Fuzz --scratch-path .build-fuzz --sanitize=fuzzer
swift build --product astd-gateway

targets=()

# usage: seed TARGET SEED...
seed() {
    local target=$1 corpus=.build-fuzz/$1
    shift
    mkdir -p "$corpus"
    local number=0
    for file in "$@"; do
        [ -f "$file" ] || continue  # Some golden "files" are directories.
        number=$((number + 1))
        cp "$file" "$corpus/seed-$number"
    done
    targets+=("$target")
}

fuzz() {
    if [ "$1" = HTTP ]; then
        echo ">> HTTP for $((SECONDS_EACH / 2)) s"
        python3 tools/fuzz_http.py --seconds $((SECONDS_EACH / 2))
        return
    fi
    local corpus=.build-fuzz/$1 log=.build-fuzz/$1.log
    echo ">> $1 for $SECONDS_EACH s"
    if ! ".build-fuzz/debug/$1" -max_total_time="$SECONDS_EACH" -max_len=40000 -timeout=30 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$corpus/found-" -verbosity=0 "$corpus" > "$log" 2>&1; then
        cat "$log"
        echo ">> $1: failed"
        return 1
    fi
    echo ">> $1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, none failed"
}
export -f fuzz

seed SafetensorsHeader Tests/Golden/broken/*.safetensors Tests/Golden/models/single-label/model.safetensors
index=.build-fuzz/index.json
{
    printf '{"weight_map":{'
    grep -ao '"[a-z_.0-9]*":{"dtype"' Tests/Golden/models/single-label/model.safetensors \
        | sed 's/:{"dtype"$/:"model-00001-of-00001.safetensors"/' | paste -sd,
    printf '}}'
} > $index
seed ShardIndex $index
seed AdapterConfig Tests/Golden/adapters/*/adapter_config.json
tensors=.build-fuzz/tensors  # a byte that chooses an adapter of the target's list, and its tensors
mkdir -p $tensors
number=0
for adapter in $(sed -n '/^let adapters/,/^]/s/"\([a-z0-9-]*\)",*/\1/gp' Fuzz/Sources/AdapterTensors/Target.swift); do
    { printf "\\x$(printf %02x $number)"; cat "Tests/Golden/adapters/$adapter/adapter_model.safetensors"; } \
        > $tensors/$adapter
    number=$((number + 1))
done
seed AdapterTensors $tensors/*
requests=.build-fuzz/requests
mkdir -p $requests
grep -o '{"jsonrpc[^`]*}' docs/protocol.md | split -l 1 - $requests/line-
seed Requests $requests/line-*
seed SettingsText etc/astd.yaml
targets+=(HTTP)
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz {}'
