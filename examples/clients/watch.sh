#!/bin/sh
# Prints when a sound begins and ends: watch.sh [SOCKET]
socket=${XDG_RUNTIME_DIR:-/run}/astd/events.sock
[ -S "$socket" ] || socket=/run/astd/events.sock
nc -U "${1:-$socket}" |
    jq --unbuffered -r 'select(.type == "event") | [.time, .label, .state, .peak_score] | @tsv'
