#!/bin/sh
# Prints when a sound begins and ends: watch.sh [SOCKET]
nc -U "${1:-/run/astd/events.sock}" |
    jq --unbuffered -r 'select(.type == "event") | [.time, .label, .state, .peak_score] | @tsv'
