#!/bin/bash
# Makes the models from scratch: fetch, index, pool, train, evaluate, adapter, leaks, examples, cards.
#
#   tools/model/make.sh LAB_DIRECTORY            makes everything in LAB_DIRECTORY, the models in LAB_DIRECTORY/models
#   tools/model/make.sh LAB_DIRECTORY install    copies the models into models/, after a look at the bars
#
# Start it again after it was stopped: it continues with the step that is not complete (LAB_DIRECTORY/done/), training at
# its last checkpoint. The times of the steps go to LAB_DIRECTORY/times.log. README.md says how long each takes.
#
# Environment: PROCESSES (2), MINUTES of training (75), ADAPTER_MINUTES (20), POOL_PART (1; 10 makes a tenth of the pool),
# FROM (an exported model to begin with, and FROM_HEAD its alarms adapter), RATE of learning (2e-3; half of it with FROM),
# PYTHON (else LAB_DIRECTORY/venv is made), ASTD (else .build/release/astd is built). As root it installs the Debian
# packages that are missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
lab=${1:?usage: make.sh LAB_DIRECTORY [install]}
mkdir -p "$lab/done" "$lab/models/default" "$lab/models/alarms"
lab=$(cd "$lab" && pwd)
models=$lab/models
if [ "${2:-}" = install ]; then
    [ -e "$lab/done/cards" ] || { echo "make.sh: the models in $models are not complete: run make.sh $lab" >&2; exit 1; }
    for name in default alarms; do
        rm -rf "$root/models/$name" && cp -r "$models/$name" "$root/models/$name"
    done
    exit
fi
processes=${PROCESSES:-2}
part=${POOL_PART:-1}
rate=${RATE:-$([ "${FROM:-}" ] && echo 1e-3 || echo 2e-3)}
export OMP_NUM_THREADS=1 ASTD=${ASTD:-$root/.build/release/astd}
cd "$here"

step() { # NAME COMMAND...: runs a step once and records its time
    [ -e "$lab/done/$1" ] && return
    local began=$SECONDS name=$1
    echo "$(date +%T) $name"
    shift
    "$@"
    echo "$name $((SECONDS - began)) s" >> "$lab/times.log"
    touch "$lab/done/$name"
}
setup() {
    local missing=
    for program in ffmpeg fluidsynth espeak-ng unzip pulseaudio paplay; do
        command -v "$program" > /dev/null || missing=yes
    done
    if [ "$missing" ]; then
        apt-get update -qq
        apt-get install -y -qq ffmpeg fluidsynth espeak-ng unzip pulseaudio pulseaudio-utils python3-venv > /dev/null
    fi
}
environment() {
    python3 -m venv "$lab/venv"
    "$lab/venv/bin/pip" install -q -r requirements.txt
}
step setup setup
if [ -z "${PYTHON:-}" ]; then
    step environment environment
    PYTHON=$lab/venv/bin/python
fi
python=$PYTHON
step fetch ./fetch.sh "$lab"
step index "$python" data.py index --lab "$lab"
[ -e test-manifest.jsonl ] || "$python" data.py manifest --lab "$lab"
[ -e held-out-manifest.jsonl ] || "$python" held_out.py manifest --lab "$lab"

pools() { # shards, $processes at a time: seed, clips, what
    sed "s|\$| $part|" <<'SHARDS' | xargs -P "$processes" -L 1 bash -c '
        [ -e "$0/pool-$2.npz" ] || "$1" pool.py --lab "$0" --seed "$2" --count "$(($3 / $5))" --what "$4" > "$0/pool-$2.log"' "$lab" "$python"
5 7000 alarms
6 7000 alarms
2 4500 recordings
4 4500 recordings
1 4500 synthesis
3 3500 synthesis
9 7000 negatives
8 2500 noise
7 2000 percussion
SHARDS
    [ -e "$lab/validation.npz" ] || "$python" pool.py --lab "$lab" --seed 99 --count $((1000 / part)) --side validation
}
step pools pools
step train "$python" train.py --lab "$lab" --minutes "${MINUTES:-75}" --processes "$processes" --export "$models/default" \
    --rate "$rate" ${FROM:+--from "$FROM"} ${FROM_HEAD:+--from-head "$FROM_HEAD"}
step validate "$python" validate.py --lab "$lab" --baseline
build() { [ -x "$ASTD" ] || (cd "$root" && PATH=$PATH:/opt/swift/usr/bin swift build -c release --product astd); }
step astd build
step evaluate "$python" evaluate.py --lab "$lab" --model "$models/default" --out "$models/default/evaluation.json" \
    --picture "$models/default/confusion.png"
before() { # measures the models in models/ on the tests of today, unless before.json has every figure
    [ ! -e before.json ] || grep -q null before.json || return 0
    mkdir -p "$lab/before/default" "$lab/before/alarms"
    cp "$root/models/default/evaluation.json" "$lab/before/default/"
    cp "$root/models/alarms/evaluation.json" "$lab/before/alarms/"
    "$python" chain_test.py --lab "$lab" --model "$root/models/default" --seeds "${CHAIN_SEEDS:-3}" --pulse \
        --out "$lab/before/default/chain-test.json"
    "$python" held_out_test.py --lab "$lab" --model "$root/models/default" --out "$lab/before/default/held-out-test.json"
    "$python" appliance_test.py --lab "$lab" --base "$root/models/default" --adapter "$root/models/alarms" \
        --hours "${HOURS:-6}" --out "$lab/before/alarms/appliance-test.json"
    "$python" bars.py --models "$lab/before" --keep || true
}
step before before
step chain-test "$python" chain_test.py --lab "$lab" --model "$models/default" --seeds "${CHAIN_SEEDS:-3}" --pulse \
    --out "$models/default/chain-test.json"
step held-out-test "$python" held_out_test.py --lab "$lab" --model "$models/default" --out "$models/default/held-out-test.json"
step adapter "$python" train_adapter.py --lab "$lab" --base "$models/default" --out "$models/alarms" --head "$lab/run.pt" \
    --minutes "${ADAPTER_MINUTES:-20}" --processes "$processes"
step probe "$python" train_adapter.py --lab "$lab" --base "$models/default" --out "$lab/probe" --probe --head "$lab/run.pt" \
    --minutes "${PROBE_MINUTES:-4}" --processes "$processes"
step alarm-test "$python" alarm_test.py --lab "$lab" --base "$models/default" --adapter "$models/alarms" --probe "$lab/probe" \
    --out "$models/alarms/evaluation.json" --picture "$models/alarms/confusion.png"
step appliance-test "$python" appliance_test.py --lab "$lab" --base "$models/default" --adapter "$models/alarms" \
    --hours "${HOURS:-6}" --out "$models/alarms/appliance-test.json"
leaks() {
    "$python" check_leaks.py --lab "$lab" --out "$models/default/leaks.json"
    "$python" check_leaks.py --lab "$lab" --out "$models/default/leaks.json" --kits
}
step leaks leaks
step attribution "$python" attribution.py --lab "$lab" --out "$models/default/ATTRIBUTION.md"
step examples "$python" examples.py --lab "$lab" --models "$models"
step cards "$python" cards.py --models "$models"
cat "$lab/times.log"
"$python" bars.py --models "$models"
