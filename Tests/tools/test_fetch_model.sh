#!/usr/bin/env bash
# Tests tools/fetch_model.sh against a small hub on this machine. ASTD=PATH also lets a real astd inspect the results, and
# tests `astd pull`, which runs the script.
# shellcheck disable=SC2317 # The tests are called by name.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
program=$root/tools/fetch_model.sh
golden=$root/Tests/Golden
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null; rm -rf "$work"' EXIT

hub=$work/hub
mkdir -p "$hub/o"
for name in model private-model gated cut norange-cut busy wrong; do cp -r "$golden/models/stride10" "$hub/o/$name"; done
cp -r "$golden/adapters/new-head" "$hub/o/adapter"
cp -r "$golden/models/stride10" "$hub/o/pickled"
mv "$hub/o/pickled/model.safetensors" "$hub/o/pickled/pytorch_model.bin"
mkdir "$hub/o/empty"
# A model in two shards; the second is a copy of an adapter's file, because only the download is tested.
for name in sharded stray lost; do
    cp -r "$golden/models/stride10" "$hub/o/$name"
    mv "$hub/o/$name/model.safetensors" "$hub/o/$name/model-00001-of-00002.safetensors"
    cp "$golden/adapters/new-head/adapter_model.safetensors" "$hub/o/$name/model-00002-of-00002.safetensors"
    printf '{"metadata": {"total_size": 1},\n "weight_map": {"a": "model-00001-of-00002.safetensors", "b":"%s"}}\n' \
        "model-00002-of-00002.safetensors" > "$hub/o/$name/model.safetensors.index.json"
done
sed -i 's|model-00002|../model-00002|' "$hub/o/stray/model.safetensors.index.json"
rm "$hub/o/lost/model-00002-of-00002.safetensors"
cp -r "$golden/models/stride10" "$hub/o/pickled-parts"
mv "$hub/o/pickled-parts/model.safetensors" "$hub/o/pickled-parts/pytorch_model.bin.index.json"
cp -r "$golden/models/stride10" "$hub/o/half"
mv "$hub/o/half/model.safetensors" "$hub/o/half/model.fp16.safetensors"
cp -r "$golden/models/stride10" "$hub/o/no-front-end"
rm "$hub/o/no-front-end/preprocessor_config.json"
cp -r "$golden/adapters/new-head" "$hub/o/pickled-adapter"
mv "$hub/o/pickled-adapter/adapter_model.safetensors" "$hub/o/pickled-adapter/adapter_model.bin"
mkdir -p "$hub/o/deeper" "$hub/o/several"
cp -r "$golden/adapters/new-head" "$hub/o/deeper/birds"
for name in checkpoint-1 checkpoint-2; do cp -r "$golden/adapters/new-head" "$hub/o/several/$name"; done
mkdir -p "$hub/o/inner" "$hub/o/trained"
cp -r "$golden/models/stride10" "$hub/o/inner/model"
for name in checkpoint-1 checkpoint-2; do cp -r "$golden/models/stride10" "$hub/o/trained/$name"; done
touch "$hub/log"
python3 -B "$here/hub_server.py" "$hub" > "$work/ports" &
server=$!
for _ in $(seq 100); do [ -s "$work/ports" ] && break; sleep 0.1; done
read -r port store < "$work/ports"
export HF_ENDPOINT=http://127.0.0.1:$port
unset HF_TOKEN HF_TOKEN_PATH no_proxy http_proxy HTTP_PROXY all_proxy ALL_PROXY ASTD_MODELS_DIR ASTD_PULL
# Nothing of the user's own.
export HF_HOME=$work/hf HOME=$work/home
mkdir -p "$HF_HOME" "$HOME"
if [ -n "${ASTD:-}" ]; then
    ASTD=$(realpath "$ASTD")
    export ASTD
else
    echo "ASTD is not set: astd's own inspection is NOT tested"
    # /bin/true accepts everything; the checks that need a refusal are skipped.
    export ASTD=/bin/true
    inspection=skipped
fi

failures=0
check() { # $1: what is expected; then a command that must succeed
    local what=$1
    shift
    if "$@"; then echo "ok   $what"; else echo "FAIL $what"; failures=$((failures + 1)); sed 's/^/     | /' "$work/said"; fi
}
run() { # Runs the program in an empty directory; sets status, fills said and log
    : > "$hub/log"
    mkdir -p "$work/run"
    status=0
    (cd "$work/run" && "$program" "$@") > "$work/said" 2>&1 < /dev/null || status=$?
}
fresh() { rm -rf "$work/run"; }
refuses() { # $1: exit status; $2: text. One line, of this program
    [ "$status" -eq "$1" ] && grep -q "^fetch_model: .*$2" "$work/said" && [ "$(grep -c '' "$work/said")" -eq 1 ]
}
same() { cmp -s "$1" "$2"; }
whole() { # Everything of repository $1 is in $2, and no part is left
    local file
    for file in "$hub/o/$1"/*; do same "$file" "$2/${file##*/}" || return 1; done
    ! compgen -G "$2/*.part*" > /dev/null
}
succeeds() { [ "$status" -eq 0 ] && whole "$@"; }
logged() { grep -q "$1" "$hub/log"; }
not() { ! "$@"; }

fresh; run o/model
check "a model arrives in models/NAME" succeeds model "$work/run/models/model"
check "no token is sent where there is none" not logged token
run o/model
check "a complete file is not fetched again" not logged "store GET"
run o/moved elsewhere
check "a renamed repository is followed, into DIR" succeeds model "$work/run/elsewhere"
run --revision refs/pr/1 o/model pr
check "a revision with slashes" succeeds model "$work/run/pr"
check "slashes are sent as %2F" logged refs%2Fpr%2F1
run o/adapter adapter
check "an adapter arrives with its config.json" succeeds adapter "$work/run/adapter"

run o/deeper
check "an adapter one folder deeper arrives" same "$hub/o/deeper/birds/adapter_model.safetensors" \
    "$work/run/models/deeper/adapter_model.safetensors"
check "and the folder is named" grep -q "^fetch_model: the adapter of o/deeper is in its folder birds$" "$work/said"
run o/several
check "several adapters are named" refuses 1 "in each of checkpoint-1, checkpoint-2: name one, as o/several/FOLDER"
run o/several/checkpoint-2
check "a folder is fetched by its name" same "$hub/o/several/checkpoint-2/adapter_config.json" \
    "$work/run/models/several-checkpoint-2/adapter_config.json"

run o/inner
check "a model one folder deeper arrives" same "$hub/o/inner/model/model.safetensors" \
    "$work/run/models/inner/model.safetensors"
check "and its folder is named" grep -q "^fetch_model: the model of o/inner is in its folder model$" "$work/said"
run o/trained
check "several models are named" refuses 1 "has a model in each of checkpoint-1, checkpoint-2: name one"

ASTD=/bin/true run o/sharded
check "a model in shards arrives with its index" succeeds sharded "$work/run/models/sharded"

fresh; run o/private-model
check "without a token a private model is refused" refuses 1 "set HF_TOKEN"
printf 'hf_secret\n' > "$work/token"
run --token-file "$work/token" o/private-model by-file
check "a token in a file that an option names" succeeds private-model "$work/run/by-file"
HF_TOKEN_PATH=$work/token run o/private-model by-variable
check "a token in a file that a variable names" succeeds private-model "$work/run/by-variable"
cp "$work/token" "$HF_HOME/token"
run o/private-model stored
check "the stored token of another hub is not sent" refuses 1 "set HF_TOKEN"
check "to no request" not logged token
rm "$HF_HOME/token"
run --token-file "$work/nowhere" o/model
check "a missing file of a token" refuses 64 "cannot read the token"
HF_TOKEN=hf_secret HF_ENDPOINT=http://hub.invalid run o/model
check "a token is not sent without encryption" refuses 64 "without encryption"
export HF_TOKEN=hf_secret
run o/private-model
check "with the token it arrives" succeeds private-model "$work/run/models/private-model"
check "the hub got the token" logged "hub HEAD .* token"
check "the store did not" not logged "store .* token"
run o/gated
check "a repository with unaccepted terms is refused" refuses 1 "accept its terms"
(unset HF_TOKEN; run o/open-gated; echo "$status" > "$work/status")
status=$(cat "$work/status")
check "also without a token" refuses 1 "o/open-gated is gated: accept its terms"
HF_TOKEN=$'a"\nurl = "x' run o/model
check "a token with curl options in it is refused" refuses 64 "HF_TOKEN contains invalid characters"
mkdir "$work/bin"
printf '#!/bin/sh\ntr "\\0" " " < /proc/$$/cmdline >> "%s"\nenv >> "%s"\nexec "%s" "$@"\n' "$work/arguments" "$work/arguments" "$(command -v curl)" > "$work/bin/curl"
chmod +x "$work/bin/curl"
PATH=$work/bin:$PATH run o/private-model seen
check "a model arrives through a logging curl" succeeds private-model "$work/run/seen"
check "the token is in no arguments or environment of curl" not grep -q hf_secret "$work/arguments"
unset HF_TOKEN

fresh; run o/cut
check "a broken connection is resumed" succeeds cut "$work/run/models/cut"
check "from the last byte received" logged "store GET .*cut.* bytes="
run o/norange-cut
check "a store without ranges is read from the start" succeeds norange-cut "$work/run/models/norange-cut"
run o/busy
check "a request to a busy hub is repeated" succeeds busy "$work/run/models/busy"
mkdir -p "$work/run/half" "$work/run/stale" "$work/run/done"
head -c 10000 "$hub/o/model/model.safetensors" > "$work/run/half/model.safetensors.part"
run o/model half
check "a part of an earlier run is continued" logged "store GET .* bytes=10000-"
check "and completed" succeeds model "$work/run/half"
head -c 10000 /dev/zero > "$work/run/stale/model.safetensors.part"
run o/model stale
check "a part of another file is discarded" succeeds model "$work/run/stale"
cp "$hub/o/model/model.safetensors" "$work/run/done/model.safetensors.part"
run o/model "done"
check "a complete part is only checked" not logged "store GET"
check "and renamed" succeeds model "$work/run/done"
run o/wrong
check "a file with another sha256 is refused" grep -q "^fetch_model: model.safetensors of o/wrong is corrupted" "$work/said"
check "and deleted" not compgen -G "$work/run/models/wrong/model.safetensors*"

fresh; run "$HF_ENDPOINT/o/model/tree/refs%2Fpr%2F1"
check "an address with a revision" succeeds model "$work/run/models/model"
check "of which the files are requested" logged "refs%2Fpr%2F1"
run "https://huggingface.co/o/model?library=transformers" public
check "an address of the public hub is fetched from the mirror" succeeds model "$work/run/public"
run "$HF_ENDPOINT/o/several/blob/main/checkpoint-2/adapter_config.json" inner
check "an address of a file stands for its folder" same "$hub/o/several/checkpoint-2/adapter_config.json" \
    "$work/run/inner/adapter_config.json"
run https://example.org/o/model
check "an address of another hub" refuses 64 "is not on http://127.0.0.1:$port: set HF_ENDPOINT"
run "$HF_ENDPOINT/datasets/o/model"
check "an address of a data set" refuses 64 "is not a model"
cp -r "$hub/o" "$hub/p"
run p/model
check "a model of another owner does not replace one of the same name" refuses 1 "is of $HF_ENDPOINT/o/model: give another DIR"
run --parent "$work/run/many" p/model
check "a directory for several" succeeds model "$work/run/many/model"
cp -r "$hub/o/model" "$hub/o/updated"
run o/updated
printf '{}' > "$hub/o/updated/preprocessor_config.json"
mv "$hub/o/updated/model.safetensors" "$work/weights"
run o/updated
check "an incomplete update is refused" refuses 1 "has no model.safetensors"
check "and leaves the old files" same "$hub/o/model/preprocessor_config.json" \
    "$work/run/models/updated/preprocessor_config.json"
cp "$work/weights" "$hub/o/updated/model.safetensors"
printf more >> "$hub/o/updated/model.safetensors"
ASTD=/bin/true run o/updated
check "a complete update replaces all files" succeeds updated "$work/run/models/updated"

fresh; run o/nothing
check "no such repository" refuses 1 "o/nothing has no config.json"
run o/empty
check "an empty repository" refuses 1 "o/empty has no config.json"
run --revision v2 o/model
check "no such revision" refuses 1 "at revision v2"
run o/pickled
check "pytorch_model.bin only" refuses 1 "has only pytorch_model.bin.* tools/import_bin.py models/pickled"
run o/pickled-parts
check "pytorch_model.bin in parts" refuses 1 "has only pytorch_model.bin.index.json.* tools/import_bin.py"
run o/pickled-adapter
check "adapter_model.bin only" refuses 1 "has only adapter_model.bin.* tools/import_bin.py"
run o/half
check "model.fp16.safetensors only" refuses 1 "rename it to model.safetensors"
run o/no-front-end
check "no preprocessor_config.json" refuses 1 "fetch the model that it was trained from"
run o/stray
check "an index that names another directory" refuses 1 "which is not a file in the repository"
run o/lost
check "a missing shard" refuses 1 "has no model-00002-of-00002.safetensors"
check "leaves nothing behind" not compgen -G "$work/run/models/*"
for arguments in "" "a b c" "--fast o/model" "../etc/passwd" "a/b/c/d" "o/.." "--revision" "--revision ../x o/model"; do
    # shellcheck disable=SC2086
    run $arguments
    check "wrong usage: '$arguments'" refuses 64 ""
done
HF_ENDPOINT=ftp://hub run o/model
check "an endpoint that is not a web address" refuses 64 HF_ENDPOINT
run --help
check "--help" grep -q "^usage:" "$work/said"

mkdir -p "$work/run/full"
ln -s /dev/full "$work/run/full/model.safetensors.part"
run o/model full
check "a full disk" grep -q "^fetch_model: cannot write to full: is the disk full" "$work/said"
check "fails" [ "$status" -eq 1 ]

ASTD=/bin/false run o/model rejected
check "what astd refuses fails" grep -q "^fetch_model: astd cannot use rejected" "$work/said"
check "with status 1" [ "$status" -eq 1 ]
ASTD=/nowhere/astd run o/model rejected
check "an ASTD that does not exist" grep -q "^fetch_model: ASTD '/nowhere/astd' is not a program" "$work/said"
if [ "${inspection:-}" = skipped ]; then
    echo "skip astd inspect on a model, an adapter and a damaged model (set ASTD)"
else
    run o/model good
    check "astd inspects a model" [ "$status" -eq 0 ]
    run o/adapter adapter
    check "astd inspects an adapter" [ "$status" -eq 0 ]
    cp -r "$hub/o/model" "$hub/o/damaged"
    head -c 5000 "$hub/o/model/model.safetensors" > "$hub/o/damaged/model.safetensors"
    run o/damaged
    check "astd refuses a damaged model" grep -q "^fetch_model: astd cannot use" "$work/said"

    fresh
    script=$program
    program=$ASTD
    models=$work/run/data
    export ASTD_MODELS_DIR=$models
    run pull o/model
    check "astd pull places a model in its directory" succeeds model "$models/model"
    check "and inspects it" grep -q "^sha256" "$work/said"
    run pull o/adapter my-adapter
    check "or in a directory that is named" succeeds adapter "$work/run/my-adapter"
    run pull --endpoint "$HF_ENDPOINT" --revision refs/pr/1 o/adapter
    check "a revision" logged "refs%2Fpr%2F1"
    run classify --model model --adapter adapter --no-cache --format csv "$golden/clips/speech.wav"
    check "both are found by name" [ "$status" -eq 0 ]
    check "and used" grep -q ",0.32,1.3," "$work/said"
    run inspect model
    check "astd inspect finds the name, too" grep -q "^model *$models/model" "$work/said"
    run pull o/nothing
    check "a failure is one line of astd" grep -q "^astd: o/nothing has no config.json" "$work/said"
    check "with status 1" [ "$status" -eq 1 ]
    run pull a/b/c/d
    check "wrong usage names the command" grep -q "^astd: .*see astd pull --help" "$work/said"
    : > "$work/arguments"
    HF_TOKEN=hf_secret PATH=$work/bin:$PATH run pull o/private-model
    check "astd pull passes the token on" succeeds private-model "$models/private-model"
    check "but not to curl's arguments or environment" not grep -q hf_secret "$work/arguments"
    check "or to its output" not grep -q hf_secret "$work/said"
    mkdir -p "$models/interrupted"
    head -c 10000 "$hub/o/model/model.safetensors" > "$models/interrupted/model.safetensors.part"
    cp -r "$hub/o/model" "$hub/o/interrupted"
    run pull o/interrupted
    check "astd pull continues an interrupted download" logged "store GET .* bytes=10000-"
    check "and completes it" succeeds interrupted "$models/interrupted"
    unset ASTD_MODELS_DIR
    program=$script
fi

kill "$server"
wait "$server" 2> /dev/null || true
server=
HF_ENDPOINT=http://127.0.0.1:$store run o/model
check "no hub there" refuses 1 "cannot reach"
if [ "$failures" -ne 0 ]; then
    echo "fetch_model: $failures failed"
    exit 1
fi
echo "fetch_model: all passed"
