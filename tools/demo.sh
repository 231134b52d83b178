#!/usr/bin/env bash
# Plays the model's example clips into a private PulseAudio server with a null sink, lets astd record its monitor,
# and shows the output of astctl, at the end also the history that astd-gateway kept. The gateway's page can be opened
# in a browser meanwhile. Leaves no process and no file behind.
#
#   make demo
#   make demo PAGE=1                             keeps playing, and the page open, until Ctrl-C
#   DEMO_MODEL=DIR DEMO_SOUNDS=DIR make demo     with another model and other sounds
set -euo pipefail
cd "$(dirname "$0")/.."

model=${DEMO_MODEL:-models/default}
sounds=${DEMO_SOUNDS:-$model/examples}
adapter=models/alarms
astd=$PWD/.build/release/astd
astctl=$PWD/.build/release/astctl
gateway=$PWD/.build/release/astd-gateway

# A private home directory, so that the user's PulseAudio server and astd are not affected.
home=$(mktemp -d /tmp/astd-demo.XXXXXX)
# shellcheck disable=SC2086
unset ${!PULSE_@} ${!ASTD_@} DISPLAY
export HOME=$home XDG_RUNTIME_DIR=$home DBUS_SESSION_BUS_ADDRESS=disabled: LC_ALL=C.UTF-8
mkfifo "$home/records"

server='' daemon='' historian='' player='' watcher='' reader=''
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
    stop $player $watcher $reader $historian $daemon $server
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

# Prints one line per prediction: its local time and the best labels, in columns as wide as the longest label.
condense() { # WIDTH
    local line labels text label score isLive=false
    while IFS= read -r line; do
        if [[ $line =~ \"type\":\"event\".*\"state\":\"([a-z]+)\".*\"label\":\"(([^\"\\]|\\.)*)\" ]]; then
            # Before the first window, events that began earlier are published again.
            $isLive || [ "${BASH_REMATCH[1]}" = end ] && echo "   event     ${BASH_REMATCH[2]}: ${BASH_REMATCH[1]}"
        fi
        [[ $line =~ ^.\"type\":\"prediction\".*\"time\":\"([^\"]*)\" ]] || continue
        isLive=true
        text="   $(date -d "${BASH_REMATCH[1]}" +%T)"
        labels=${line#*\"labels\":}
        while [[ $labels =~ \"label\":\"(([^\"\\]|\\.)*)\",\"score\":([-+.0-9e]+)(.*) ]]; do
            label=${BASH_REMATCH[1]} labels=${BASH_REMATCH[4]}
            printf -v score %.2f "${BASH_REMATCH[3]}"
            printf -v text '%s  %s %-*s' "$text" "$score" "$1" "$label"
        done
        echo "${text%"${text##*[! ]}"}"
    done
}

watch() {
    local width
    if [ -t 1 ]; then
        "$astctl" watch --top-k 5 &
        watcher=$!
    else
        width=$("$astctl" labels | sed 's/^ *[0-9]*  //' | wc -L)
        # Two labels of 30 characters fit into 80 columns, three of 18.
        "$astctl" watch --top-k $((width > 18 ? 2 : 3)) > "$home/records" &
        watcher=$!
        condense "$width" < "$home/records" &
        reader=$!
    fi
}
unwatch() {
    # shellcheck disable=SC2086
    stop $watcher
    [ -z "$reader" ] || wait "$reader" || true
    watcher='' reader=''
}

# Lists the clips of a folder. If examples.json has peaks: quiet ones first, because a loud clip stays in the window,
# and none below -60 dBFS: of silence there is nothing to hear.
clips_of() { # FOLDER
    local found=() clip
    if [ -f "$1/examples.json" ]; then
        mapfile -t found < <(awk -F '"' -v folder="$1" '
            /"file":/ { file = $4 }
            /"peak":/ { sub(/: /, "", $3); if ($3 + 0 > 0.001) printf "%.9f %s/%s\n", $3, folder, file }' "$1/examples.json" \
            | sort -n | cut -d ' ' -f 2-)
    fi
    [ ${#found[@]} -gt 0 ] || found=("$1"/*)
    for clip in "${found[@]}"; do
        case $clip in *.flac | *.wav | *.ogg) echo "$clip" ;; esac
    done
}

play() { # SOUNDS TIMES SECONDS: plays every clip some TIMES while the daemon records, then silence for SECONDS
    local clips clip number=0 time
    mapfile -t clips < <(clips_of "$1")
    [ ${#clips[@]} -gt 0 ] || { echo "demo: no .flac, .wav or .ogg file in $1" >&2; exit 1; }
    for clip in "${clips[@]}"; do
        number=$((number + 1))
        printf '\n>> playing %s (%d of %d)\n' "${clip##*/}" "$number" "${#clips[@]}"
        watch
        for ((time = 0; time < $2; time++)); do
            # Ctrl-C also ends its server, of which it complains.
            paplay --device=demo "$clip" 2> "$home/paplay.log" &
            player=$!
            wait "$player" || { cat "$home/paplay.log" >&2; exit 1; }
            player=''
        done
        sleep "$3"
        unwatch
    done
    echo
}

echo "Starting a private PulseAudio server; astd records what is played there."
pulseaudio -n --daemonize=no --exit-idle-time=-1 --use-pid-file=no --realtime=no --high-priority=no \
    -L module-native-protocol-unix -L "module-null-sink sink_name=demo rate=48000 channels=2 norewinds=1" \
    > "$home/pulseaudio.log" 2>&1 &
server=$!
wait_for pulseaudio "$server" "$home/pulseaudio.log" pactl info

# Not /etc/astd/astd.yaml, which may have other settings.
clips="clips: {directory: $home/clips}"
mkdir -m 700 "$home/clips"
echo "$clips" > "$home/astd.yaml"
"$astd" run --config "$home/astd.yaml" --source pulse:demo.monitor --hop 1 --runtime-dir "$home/astd" \
    --set spectrum=true --model "$model" 2> "$home/astd.log" &
daemon=$!
wait_for astd "$daemon" "$home/astd.log" "$astctl" status
export ASTD_GATEWAY_CONFIG=$home/gateway.yaml
port=8717
while (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do port=$((port + 1)); done
cat > "$ASTD_GATEWAY_CONFIG" << TEXT
daemons: {demo: $home/astd}
history: {path: $home/history.sqlite, clips: [$home/clips]}
http: {listen: "127.0.0.1:$port", control: true}
TEXT
"$gateway" run 2> "$home/gateway.log" &
historian=$!
# Fails until the history exists.
wait_for astd-gateway "$historian" "$home/gateway.log" "$gateway" summary
printf '\n>> the page of this demo: http://127.0.0.1:%s/\n\n' "$port"
window=$("$astctl" status --json | sed -nE 's/.*"window_seconds":([0-9.]+).*/\1/p')
cat << TEXT
The model $model classifies the last $window seconds, once a second.
So a sound fades in, and the one before it fades out over the next ${window%.*} windows.
An event begins when a label scores 0.5 or more in two windows in a row.
Each sound is played twice. The first scores follow after $window seconds.
TEXT
# The last window of a sound is published within a second after its end.
play "$sounds" 2 1
if [ -z "${DEMO_MODEL:-}" ] && [ -f "$adapter/adapter_config.json" ]; then
    printf '>> switching to a LoRA adapter: astctl adapter load %s --use\n' "$adapter"
    "$astctl" adapter load "$adapter" --use
    # The settings that the adapter's card recommends; "None of these" is its label for everything else.
    printf '%s\ndetection:\n  minimum_hits: 5\n  deny: [None of these]\n' "$clips" > "$home/astd.yaml"
    "$astctl" reload > "$home/reload.log"
    cat << TEXT

Three pulses of a smoke alarm after silence sound like a carbon monoxide alarm.
So an event now needs five windows in a row, as many seconds as a window has.
Each sound is played twice, with silence after it until the window is empty.
TEXT
    sleep "$window"
    play "$adapter/examples" 2 "$((${window%.*} + 3))"
    "$astctl" adapter use base
    echo
fi
"$astctl" status
# Before astd stops, so that an event in progress is shown as such.
printf '\n>> the history of this demo: astd-gateway summary; astd-gateway events --limit 5\n'
"$gateway" summary --format text
echo
"$gateway" events --limit 5 --format text
if [ -n "${PAGE:-}" ]; then
    echo "$clips" > "$home/astd.yaml"
    "$astctl" reload > "$home/reload.log"
    printf '\n>> the page stays open, and the sounds go on, until Ctrl-C: http://127.0.0.1:%s/\n' "$port"
    while true; do play "$sounds" 1 3 > "$home/play.log"; done
fi
stop "$historian" "$daemon"
historian='' daemon=''

cat << 'TEXT'

With a microphone:          .build/release/astd run
  and in another terminal:  .build/release/astctl watch
With files:                 .build/release/astd classify FILE...
With a history and a page:  docs/gateway.md
TEXT
