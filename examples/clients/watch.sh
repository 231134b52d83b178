#!/bin/sh
# Prints when a sound begins and ends: watch.sh [SOCKET]
socket=${XDG_RUNTIME_DIR:-/run}/astd/events.sock
[ -S "$socket" ] || socket=/run/astd/events.sock
socket=${1:-$socket}
[ -S "$socket" ] || { echo "watch.sh: no socket at $socket: is astd running?" >&2; exit 1; }
nc -U "$socket" |
    jq --unbuffered -r 'select(.type == "event") | [.time, .label, .state, .peak_score] | @tsv'
