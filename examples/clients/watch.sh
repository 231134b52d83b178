#!/bin/sh
# When a sound begins, and when it ends: watch.sh [SOCKET]
nc -U "${1:-/run/astd/events.sock}" |
    jq --unbuffered -r 'select(.type == "event") | [.time, .label, .state, .peak_score] | @tsv'
