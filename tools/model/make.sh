#!/bin/sh
# Everything from nothing: fetch, index, pool, train, adapter, evaluation, examples, cards.
#
#   tools/model/make.sh LAB_DIRECTORY
#
# Takes a few hours on one core. Each step may be run alone; the test manifest is never overwritten.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lab=${1:?usage: make.sh LAB_DIRECTORY}
models=$here/../../models
python=${PYTHON:-python3}
export OMP_NUM_THREADS=1
cd "$here"
./fetch.sh "$lab"
[ -e "$lab/index.json" ] || "$python" data.py index --lab "$lab"
[ -e test-manifest.jsonl ] || "$python" data.py manifest --lab "$lab"
[ -e "$lab/pool-1.npz" ] || "$python" pool.py --lab "$lab" --count 14000 --seed 1
"$python" train.py --lab "$lab" --steps "${STEPS:-1500}" --export "$models/default"
"$python" evaluate.py --lab "$lab" --model "$models/default" --out "$models/default/evaluation.json"
"$python" train_adapter.py --lab "$lab" --base "$models/default" --out "$models/alarms"
"$python" examples.py --lab "$lab" --models "$models"
"$python" cards.py --lab "$lab" --models "$models"
