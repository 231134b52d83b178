#!/usr/bin/env bash
# Plays the model's example clips into a private PulseAudio server with a null sink, lets astd record its monitor,
# and shows the output of astctl. Leaves no process and no file behind.
#
#   make demo
#   DEMO_MODEL=DIR DEMO_SOUNDS=DIR make demo     with another model and other sounds
set -euo pipefail
cd "$(dirname "$0")/.."

model=${DEMO_MODEL:-models/default}
sounds=${DEMO_SOUNDS:-$model/examples}
adapter=models/alarms
astd=$PWD/.build/release/astd
astctl=$PWD/.build/release/astctl

# A private home directory, so that the user's PulseAudio server and astd are not affected.
home=$(mktemp -d /tmp/astd-demo.XXXXXX)
# shellcheck disable=SC2086
unset ${!PULSE_@} ${!ASTD_@} DISPLAY
export HOME=$home XDG_RUNTIME_DIR=$home DBUS_SESSION_BUS_ADDRESS=disabled: LC_ALL=C.UTF-8
mkfifo "$home/records"

server='' daemon='' player='' watcher='' reader=''
stop() { # PID...: terminates processes and waits for them
    local pid
    for pid in "$@"; do
        kill "$pid" 2> /dev/null || true
        wait "$pid" 2> /dev/null || true
    done
}
end() {
    trap '' INT TERM HUP PIPE
    # shellcheck disable=SC2086
    stop $player $watcher $reader $daemon $server
    rm -rf "$home"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
trap 'exit 141' PIPE

wait_for() { # WHAT PID LOG COMMAND...: retries COMMAND for ten seconds while the process runs
    local what=$1 pid=$2 log=$3 try
    shift 3
    for ((try = 0; try < 100; try++)); do
        if "$@" > /dev/null 2>&1; then return; fi
        kill -0 "$pid" 2> /dev/null || break
        sleep 0.1
    done
    echo "demo: $what did not start:" >&2
    tail -n 5 "$log" >&2
    exit 1
}

# Prints one line per prediction: its time and the three best labels.
condense() {
    local line labels text label score
    while IFS= read -r line; do
        if [[ $line =~ \"type\":\"event\".*\"state\":\"([a-z]+)\".*\"label\":\"(([^\"\\]|\\.)*)\" ]]; then
            echo "   event     ${BASH_REMATCH[2]}: ${BASH_REMATCH[1]}"
        fi
        [[ $line =~ ^.\"type\":\"prediction\".*\"time\":\"[^T]*T([0-9:]{8}) ]] || continue
        text="   ${BASH_REMATCH[1]}"
        labels=${line#*\"labels\":}
        while [[ $labels =~ \"label\":\"(([^\"\\]|\\.)*)\",\"score\":([-+.0-9e]+)(.*) ]]; do
            label=${BASH_REMATCH[1]} labels=${BASH_REMATCH[4]}
            printf -v score %.2f "${BASH_REMATCH[3]}"
            printf -v text '%s  %s %-12s' "$text" "$score" "$label"
        done
        echo "$text"
    done
}

watch() {
    if [ -t 1 ]; then
        "$astctl" watch --top-k 5 &
        watcher=$!
    else
        "$astctl" watch --top-k 3 > "$home/records" &
        watcher=$!
        condense < "$home/records" &
        reader=$!
    fi
}
unwatch() {
    # shellcheck disable=SC2086
    stop $watcher
    [ -z "$reader" ] || wait "$reader" || true
    watcher='' reader=''
}

# Lists the clips of a folder, quiet ones first if examples.json has peaks, because a loud clip stays in the window.
clips_of() { # FOLDER
    local found=() clip
    if [ -f "$1/examples.json" ]; then
        mapfile -t found < <(awk -F '"' -v folder="$1" '
            /"file":/ { file = $4 }
            /"peak":/ { sub(/: /, "", $3); printf "%.9f %s/%s\n", $3, folder, file }' "$1/examples.json" \
            | sort -n | cut -d ' ' -f 2-)
    fi
    [ ${#found[@]} -gt 0 ] || found=("$1"/*)
    for clip in "${found[@]}"; do
        case $clip in *.flac | *.wav | *.ogg) echo "$clip" ;; esac
    done
}

play() { # SOUNDS: plays every clip while the daemon records
    local clips clip number=0
    mapfile -t clips < <(clips_of "$1")
    [ ${#clips[@]} -gt 0 ] || { echo "demo: no .flac, .wav or .ogg file in $1" >&2; exit 1; }
    for clip in "${clips[@]}"; do
        number=$((number + 1))
        printf '\n>> playing %s (%d of %d)\n' "${clip##*/}" "$number" "${#clips[@]}"
        watch
        paplay --device=demo "$clip" &
        player=$!
        wait "$player"
        player=''
        # The window with the whole clip is published within a second after its end.
        sleep 1
        unwatch
    done
    echo
}

echo "Starting a private PulseAudio server with a null sink; astd records the sink's monitor."
pulseaudio -n --daemonize=no --exit-idle-time=-1 --use-pid-file=no --realtime=no --high-priority=no \
    -L module-native-protocol-unix -L "module-null-sink sink_name=demo rate=48000 channels=2 norewinds=1" \
    > "$home/pulseaudio.log" 2>&1 &
server=$!
wait_for pulseaudio "$server" "$home/pulseaudio.log" pactl info

echo "The model $model classifies a window every second."
"$astd" run --source pulse:demo.monitor --hop 1 --runtime-dir "$home/astd" --model "$model" 2> "$home/astd.log" &
daemon=$!
wait_for astd "$daemon" "$home/astd.log" "$astctl" status
play "$sounds"
if [ -z "${DEMO_MODEL:-}" ] && [ -f "$adapter/adapter_config.json" ]; then
    printf '>> switching the running daemon to a LoRA adapter: astctl adapter load %s --use\n' "$adapter"
    "$astctl" adapter load "$adapter" --use
    play "$adapter/examples"
    "$astctl" adapter use base
    echo
fi
"$astctl" status
stop "$daemon"
daemon=''

cat << 'TEXT'

With a microphone:  .build/release/astd run     and in another terminal:  .build/release/astctl watch
With files:         .build/release/astd classify FILE...
TEXT
