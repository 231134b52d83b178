#!/bin/sh
# Makes the models from scratch: fetch, index, pool, train, choose labels, evaluate, adapter, leaks, examples, cards.
#
#   tools/model/make.sh LAB_DIRECTORY
#
# Takes a few hours on two cores; MINUTES and ADAPTER_MINUTES are the times of the two trainings. Each step can be run
# alone, and is skipped if its result exists; the test manifest is never overwritten. Needs a release astd.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lab=${1:?usage: make.sh LAB_DIRECTORY}
models=$(cd "$here/../../models" && pwd)
python=${PYTHON:-python3}
processes=${PROCESSES:-2}
export OMP_NUM_THREADS=1
cd "$here"
./fetch.sh "$lab"
[ -e "$lab/index.json" ] || "$python" data.py index --lab "$lab"
[ -e test-manifest.jsonl ] || "$python" data.py manifest --lab "$lab"
pool() { # SEED COUNT WHAT
    [ -e "$lab/pool-$1.npz" ] || "$python" pool.py --lab "$lab" --seed "$1" --count "$2" --what "$3"
}
pool 1 5000 synthesis
pool 2 4500 recordings
pool 3 3000 synthesis
pool 4 4500 recordings
pool 5 10000 alarms
pool 6 8000 alarms
pool 7 2500 percussion
pool 8 1500 noise
[ -e "$lab/validation.npz" ] || "$python" pool.py --lab "$lab" --seed 99 --count 1000 --side validation
"$python" train.py --lab "$lab" --minutes "${MINUTES:-70}" --processes "$processes" --export "$models/default"
"$python" validate.py --lab "$lab" --baseline
"$python" evaluate.py --lab "$lab" --model "$models/default" --out "$models/default/evaluation.json" \
    --picture "$models/default/confusion.png"
"$python" train_adapter.py --lab "$lab" --base "$models/default" --out "$models/alarms" --head "$lab/run.pt" \
    --minutes "${ADAPTER_MINUTES:-20}" --processes "$processes"
"$python" train_adapter.py --lab "$lab" --base "$models/default" --out "$lab/probe" --probe --head "$lab/run.pt" \
    --minutes 4 --processes "$processes"
"$python" alarm_test.py --lab "$lab" --base "$models/default" --adapter "$models/alarms" --probe "$lab/probe" \
    --out "$models/alarms/evaluation.json" --picture "$models/alarms/confusion.png"
"$python" check_leaks.py --lab "$lab" --out "$models/default/leaks.json"
"$python" check_leaks.py --lab "$lab" --out "$models/default/leaks.json" --kits
"$python" attribution.py --lab "$lab" --out "$models/default/ATTRIBUTION.md"
"$python" examples.py --lab "$lab" --models "$models"
"$python" cards.py --models "$models"
