#!/usr/bin/env bash
# Installs the package in a Debian booted in a container and tests the services: enable, record, kill, stop, hang, lose the
# sound server, publish to a broker, read streams of the network, upgrade, remove, purge. Needs root, systemd-nspawn and debootstrap.
#
#   make test-deb
#   DEB_TEST_BASE=DIR make test-deb     with an existing debootstrap tree, which is copied
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" -eq 0 ] || { echo "test-deb: systemd-nspawn needs root" >&2; exit 1; }
packages=(.build/deb/astd_*.deb)
package=${packages[0]}
[ -f "$package" ] || { echo "test-deb: no package in .build/deb: make deb" >&2; exit 1; }
suite=bookworm
base=${DEB_TEST_BASE:-$PWD/.build/debian-$suite}
if [ ! -f "$base/etc/debian_version" ]; then
    echo "test-deb: creating a minimal Debian (first run only)"
    debootstrap --variant=minbase \
        --include=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,ca-certificates,procps,netcat-openbsd,pulseaudio,pulseaudio-utils \
        $suite "$base.part" http://deb.debian.org/debian > "$base.log" || { tail -n 5 "$base.log" >&2; exit 1; }
    mv "$base.part" "$base"
fi

root=$(mktemp -d "$PWD/.build/debian-test.XXXXXX")
container='' leader='' holder=''
end() {
    trap '' INT TERM HUP
    # shellcheck disable=SC2086
    [ -z "$holder" ] || kill $holder 2> /dev/null || true
    if [ -n "$leader" ]; then
        inside systemctl poweroff 2> /dev/null || true
        for _ in {1..50}; do [ -d "/proc/$leader" ] || break; sleep 0.2; done
        kill -KILL "$leader" 2> /dev/null || true
    fi
    [ -z "$container" ] || wait "$container" || true
    rm -rf "$root"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

inside() { nsenter -t "$leader" -m -u -i -n -p -C -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }
as() { # USER COMMAND...: with the user's groups
    local user=$1
    shift
    inside runuser -u "$user" -- "$@"
}
pass() { printf '  ok    %s\n' "$*"; }
fail() {
    printf '  FAIL  %s\n' "$*" >&2
    [ -z "$leader" ] || inside journalctl --no-pager -n 25 -u 'astd*' >&2 || true
    exit 1
}
check() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@" > /dev/null 2>&1; then pass "$what"; else fail "$what"; fi
}
refuse() { # WHAT COMMAND...: the command must fail
    local what=$1
    shift
    if "$@" > /dev/null 2>&1; then fail "$what"; else pass "$what"; fi
}
now_ms() { # Monotonic: the wall clock of a virtual machine may jump
    local up
    read -r up _ < /proc/uptime
    echo $((10#${up/./} * 10))
}
until_true() { # SECONDS COMMAND...
    local end=$(($(now_ms) + $1 * 1000))
    shift
    until "$@" > /dev/null 2>&1; do
        [ "$(now_ms)" -lt $end ] || return 1
        sleep 0.02
    done
}
main_pid() { inside systemctl show -P MainPID astd; }
inside_host_pid() { # PID in the container: the same process's PID outside
    local pid
    for pid in $(pgrep -x astd); do
        if grep -qE "^NSpid:.*[[:space:]]$1\$" "/proc/$pid/status" && [ "/proc/$pid/ns/pid" -ef "/proc/$leader/ns/pid" ]; then
            echo "$pid"
        fi
    done
}
restarts() { inside systemctl show -P NRestarts astd; }
answers_as_other_than() { # PID: a daemon answers and has another PID
    local pid
    pid=$(inside astctl status --json | sed -nE 's/.*"pid":([0-9]+).*/\1/p')
    [ -n "$pid" ] && [ "$pid" != "$1" ]
}
says() { # SOURCE-STATE
    inside astctl status --json | grep -q "\"state\":\"$1\""
}

# A member of the group receives a prediction with Siren first while a siren is played.
predicts_siren() { # SOCKET SERVER USER
    local siren=/usr/share/astd/models/default/examples/siren.flac
    as "$3" timeout 9 nc -U "$1" > "$root/records" 2> "$root/nc.err" &
    local reader=$!
    as "$3" env PULSE_SERVER="$2" timeout 20 paplay "$siren" || fail "paplay $siren: $?"
    wait $reader || true
    grep -q '"type":"hello"' "$root/records" || fail "no hello: $(cat "$root/nc.err")"
    grep '"type":"prediction"' "$root/records" \
        | grep -qE '"labels":\[\{"index":[0-9]+,"label":"Siren","score":0\.[5-9]'
}

echo "Debian $suite, booted"
cp -a "$base/." "$root"
cp "$package" "$root/root/astd.deb"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# Packages must not start services in a tree that is not running.
rm -f "$root/usr/sbin/policy-rc.d"
systemd-nspawn -q -D "$root" --register=no --keep-unit --link-journal=no -b --console=pipe < /dev/null > "$root.log" 2>&1 &
container=$!
mv_log() { mv "$root.log" .build/test-deb-boot.log 2> /dev/null || true; }
for _ in {1..100}; do
    leader=$(pgrep -P "$container" | head -n 1 || true)
    if [ -n "$leader" ] && [[ $(inside systemctl is-system-running 2> /dev/null || true) =~ running|degraded ]]; then break; fi
    sleep 0.2
done
mv_log
[ -n "$leader" ] || fail "systemd did not boot: see .build/test-deb-boot.log"
inside useradd -m tester
inside useradd -m outsider
mkdir -p "$root/etc/pulse/system.pa.d"
inside sh -c 'echo "load-module module-null-sink sink_name=test rate=48000 channels=2 norewinds=1" > /etc/pulse/system.pa.d/test.pa'

echo "install"
inside apt-get update -qq
inside env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends /root/astd.deb > .build/test-deb-apt.log 2>&1 \
    || { tail -n 20 .build/test-deb-apt.log >&2; fail "apt-get install"; }
check "astd runs" inside astd --version
check "the default model is found and works" inside astd classify /usr/share/astd/models/default/examples/siren.flac
check "user and group astd exist" inside getent group astd
refuse "nothing was enabled" inside systemctl is-enabled --quiet astd.service astd.socket astd-events.socket astd-pulseaudio.service astd-gateway.service
refuse "no service is active" inside systemctl is-active --quiet astd.service astd.socket astd-events.socket astd-pulseaudio.service
check "manual pages" inside test -f /usr/share/man/man1/astd.1.gz -a -f /usr/share/man/man1/astctl.1.gz -a -f /usr/share/man/man1/astd-gateway.1.gz
for file in bash-completion/completions/astd bash-completion/completions/astd-gateway zsh/vendor-completions/_astd fish/vendor_completions.d/astctl.fish; do
    check "completion $file" inside test -s "/usr/share/$file"
done
inside usermod -aG astd,pulse-access tester
check "a member of the group can place models" as tester test -w /var/lib/astd/models
refuse "other users cannot" as outsider test -w /var/lib/astd/models

echo "enable: the machine's own PulseAudio server, with a null sink"
check "systemctl enable --now astd-pulseaudio astd" inside systemctl enable --now astd-pulseaudio astd
check "astctl status, for a member of the group" as tester astctl status
refuse "other users cannot send requests" as outsider astctl status
refuse "other users cannot read records" as outsider timeout 3 nc -U /run/astd/events.sock
check "a played siren is predicted" predicts_siren /run/astd/events.sock unix:/run/pulse/native tester
exposure=$(inside systemd-analyze security --no-pager astd.service | sed -nE 's/.*exposure level[^:]*: ([0-9.]+).*/\1/p')
check "exposure $exposure, at most 1.5" awk -v e="$exposure" 'BEGIN { exit !(e != "" && e <= 1.5) }'
check "the adapter of the package is known" inside sh -c 'astctl adapter list | grep -q alarms'
check "the journal has priorities" inside sh -c 'journalctl -u astd -o json | grep "listening to\|\"listening\|healthy" | grep -q "\"PRIORITY\":\"6\""'

echo "restart"
for way in "systemctl restart astd" "kill -KILL"; do
    old=$(main_pid)
    began=$(now_ms)
    # shellcheck disable=SC2046,SC2086
    inside $way $([ "$way" = "kill -KILL" ] && echo "$old")
    until_true 10 answers_as_other_than "$old" || fail "$way: no new daemon"
    pass "$way: another daemon answers after $(($(now_ms) - began)) ms"
done
check "it predicts a played siren" predicts_siren /run/astd/events.sock unix:/run/pulse/native tester

echo "gateway, with a broker"
check "user astd-gateway is in group astd" inside sh -c 'id -Gn astd-gateway | grep -qw astd'
refuse "nothing started it" inside systemctl is-active --quiet astd-gateway
check "its settings are valid" inside astd-gateway run --check-config
inside env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mosquitto mosquitto-clients \
    >> .build/test-deb-apt.log 2>&1 || fail "apt-get install mosquitto"
inside sh -c 'umask 077; echo "wr0ng-s3cret" > /etc/astd/mqtt-password
    printf "allow_anonymous true\nlistener 1883 127.0.0.1\n" > /etc/mosquitto/conf.d/test.conf
    sed -i "s|^  # url:.*|  url: mqtt://127.0.0.1\n  user: astd\n  password_file: /run/credentials/astd-gateway.service/mqtt-password\n  labels: [Siren]\n  discovery: true|" /etc/astd/gateway.yaml
    mkdir -p /etc/systemd/system/astd-gateway.service.d
    printf "[Service]\nLoadCredential=mqtt-password:/etc/astd/mqtt-password\nLoadCredential=hook:/etc/astd/hook\n" \
        > /etc/systemd/system/astd-gateway.service.d/test.conf
    echo "http://127.0.0.1:8099/s3cret-path" > /etc/astd/hook
    sed -i "s|^  # clips:.*|  clips: [/var/lib/astd/clips]|" /etc/astd/gateway.yaml
    sed -i "s|^  directory: null|  directory: /var/lib/astd/clips|" /etc/astd/astd.yaml
    systemctl reload astd
    cat >> /etc/astd/gateway.yaml <<END
notify:
  - {name: note, labels: [Siren], cooldown: 3600, command: [/usr/local/bin/note]}
  - {name: hook, labels: [Siren], cooldown: 3600, webhook: {url_file: /run/credentials/astd-gateway.service/hook}}
END
    cat > /usr/local/bin/note <<"END"
#!/bin/sh
# What the sandbox permits a program of a rule.
{
    echo "$ASTD_RULE $ASTD_LABEL $(id -un)"
    for file in /etc/note /home/tester/note /var/lib/astd/note /usr/note; do
        if touch $file 2> /dev/null; then echo "wrote $file"; fi
    done
    for place in /home/tester /var/lib/astd/models /var/lib/astd/adapters /root /run/user; do
        if ls $place 2> /dev/null | grep -q .; then echo "read $place"; fi
    done
    if [ -e /dev/snd ]; then echo "has a sound card"; fi
} > /var/lib/astd-gateway/note.part
mv /var/lib/astd-gateway/note.part /var/lib/astd-gateway/note
END
    chmod 755 /usr/local/bin/note
    systemctl daemon-reload; systemctl restart mosquitto'
check "systemctl enable --now astd-gateway" inside systemctl enable --now astd-gateway
exposure=$(inside systemd-analyze security --no-pager astd-gateway.service | sed -nE 's/.*exposure level[^:]*: ([0-9.]+).*/\1/p')
check "exposure $exposure, at most 2" awk -v e="$exposure" 'BEGIN { exit !(e != "" && e <= 2) }'
inside sh -c 'printf "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" | timeout 120 nc -l -N 127.0.0.1 8099 > /tmp/request' &
holder+=" $!"
published() { # TOPIC PAYLOAD: the broker has this retained message
    [ "$(inside timeout 5 mosquitto_sub -h 127.0.0.1 -C 1 -t "$1")" = "$2" ]
}
node=$(inside hostname -s)
check "it is online" until_true 10 published "astd/$node/status" online
recorded() { as tester astd-gateway events --since 1h --label "$1" --format jsonl | grep -q "\"label\":\"$1\""; }
check "it predicts a played siren" predicts_siren /run/astd/events.sock unix:/run/pulse/native tester
check "the siren is in the history, for a member of the group" until_true 10 recorded Siren
refuse "other users cannot read the history" as outsider astd-gateway events
noted() { [ "$(inside cat /var/lib/astd-gateway/note)" = "note Siren astd-gateway" ]; }
check "the rule's program ran as the gateway's user, and could write nothing else" until_true 10 noted
requested() { inside sh -c 'head -n 1 /tmp/request | grep -q "^POST /s3cret-path " && grep -q "\"label\":\"Siren\"" /tmp/request'; }
check "the webhook received the siren" until_true 10 requested
clip() { inside sh -c 'ls /var/lib/astd/clips/astd-*-Siren.wav 2> /dev/null | head -n 1'; }
has_clip() { [ -n "$(clip)" ]; }
check "astd kept the siren" until_true 20 has_clip
in_gateway() { inside nsenter -t "$(inside systemctl show -P MainPID astd-gateway)" -m runuser -u astd-gateway -- "$@"; }
check "the gateway reads the clip in its sandbox" in_gateway cat "$(clip)"
refuse "it cannot delete it" in_gateway rm -f "$(clip)"
refuse "it sees nothing else of astd's files" in_gateway sh -c 'ls /var/lib/astd | grep -v "^clips$"'
refuse "members of the group astd cannot read the clip" as tester cat "$(clip)"
check "the gateway's user exports it" inside sh -c "runuser -u astd-gateway -- astd-gateway events --label Siren --limit 1 --format jsonl | grep -q '\"clip\":\"/var/lib/astd/clips/'"
event=$(as tester astd-gateway events --since 1h --label Siren --limit 1 --format jsonl | sed -nE 's/.*"id":"([^"]*)".*/\1/p')
check "a member of the group reviews it" as tester astd-gateway review "$event" --right
check "the review is in the history" sh -c \
    "nsenter -t $leader -m -u -i -n -p -C -- runuser -u tester -- astd-gateway events --format jsonl | grep -q '\"review\":\"right\"'"
refuse "other users cannot review it" as outsider astd-gateway review "$event" --wrong
check "Home Assistant's entity is announced" sh -c \
    "nsenter -t $leader -m -u -i -n -p -C -- timeout 5 mosquitto_sub -h 127.0.0.1 -C 1 -t 'homeassistant/binary_sensor/+/config' | grep -q Siren"
refuse "no list of processes, no log and no status has the password" inside sh -c \
    '(ps axwwe; journalctl -a; systemctl show astd-gateway; systemctl status astd-gateway; astd-gateway run --check-config) | grep "wr0ng-s3[c]ret\|s3[c]ret-path"'
gateway_pid() { inside systemctl show -P MainPID astd-gateway; }
gateway_is_other_than() { [ "$(gateway_pid)" != "$1" ] && published "astd/$node/status" online; }
old=$(gateway_pid)
inside kill -KILL "$old"
check "kill -KILL: another gateway is online" until_true 15 gateway_is_other_than "$old"
inside systemctl stop astd-gateway
check "stopped: it is offline" published "astd/$node/status" offline
inside systemctl start astd-gateway

echo "watchdog, set to 3 s here"
mkdir -p "$root/etc/systemd/system/astd.service.d"
inside sh -c 'printf "[Service]\nWatchdogSec=3\n" > /etc/systemd/system/astd.service.d/test.conf'
inside systemctl daemon-reload
inside systemctl restart astd
sleep 8
check "the watchdog does not restart a healthy daemon" [ "$(restarts)" -eq 0 ]
inside systemctl stop astd-pulseaudio
until_true 5 says lost || fail "the lost server is not reported"
check "a lost server is a warning in the journal" inside sh -c 'journalctl -u astd -p warning -o cat | grep -q "is lost"'
sleep 6
check "a lost sound server causes no restart" [ "$(restarts)" -eq 0 ]
inside systemctl start astd-pulseaudio
began=$(now_ms)
until_true 10 says healthy || fail "the source did not come back"
pass "the source is back $(($(now_ms) - began)) ms after its server"
old=$(main_pid)
began=$(now_ms)
inside kill -STOP "$old"
until_true 15 answers_as_other_than "$old" || fail "a stopped daemon was not restarted"
pass "SIGSTOP: another daemon answers after $(($(now_ms) - began)) ms"
check "the journal says why" inside sh -c 'journalctl -u astd -o cat | grep -qi "watchdog timeout"'
old=$(main_pid)
# Stops the engine thread alone, as a debugger would; the sockets still answer.
host_pid=$(inside_host_pid "$old")
thread=$(grep -lx astd-engine "/proc/$host_pid"/task/*/comm | sed -E 's,.*/task/([0-9]+)/.*,\1,')
python3 - "$thread" << 'PY' &
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
if libc.ptrace(16, int(sys.argv[1]), None, None) != 0:  # PTRACE_ATTACH
    sys.exit("ptrace: errno %d" % ctypes.get_errno())
# Waits for its end as well, or the process would stay a zombie.
for _ in range(2):
    os.waitpid(int(sys.argv[1]), 0x40000000)  # __WALL
PY
holder=$!
began=$(now_ms)
sleep 1
check "a daemon with a stuck engine still answers" inside astctl status
until_true 15 answers_as_other_than "$old" || fail "a daemon with a stuck engine was not restarted"
pass "stuck engine: another daemon answers after $(($(now_ms) - began)) ms"
kill "$holder" 2> /dev/null || true
wait "$holder" 2> /dev/null || true
holder=''
inside rm /etc/systemd/system/astd.service.d/test.conf
inside systemctl daemon-reload

. tools/test_deb_streams.sh

echo "sockets of systemd's"
inside systemctl stop astd
refuse "a stopped service is inactive" inside systemctl is-active --quiet astd
inside systemctl start astd.socket astd-events.socket
check "mode and group of both" [ "$(inside stat -c %a%G /run/astd/astd.sock /run/astd/events.sock | sort -u)" = 660astd ]
check "the first client starts the daemon and receives predictions" predicts_siren /run/astd/events.sock unix:/run/pulse/native tester
inside systemctl stop astd.socket astd-events.socket astd
inside systemctl start astd

echo "no sound server at the start"
inside systemctl stop astd astd-pulseaudio
inside systemctl start --no-block astd
until_true 10 says lost || fail "it does not serve without a sound server"
check "it is ready without a sound server, and was not restarted" sh -c "[ '$(restarts)' -eq 0 ] && nsenter -t $leader -m -u -i -n -p -C -- systemctl is-active --quiet astd"
check "systemctl status shows what it waits for" inside sh -c 'systemctl show -P StatusText astd | grep -q "^not listening: no PulseAudio server"'
inside systemctl start astd-pulseaudio
began=$(now_ms)
until_true 12 says healthy || fail "the late server was not found"
pass "it listens $(($(now_ms) - began)) ms after the server came"
check "systemctl status shows the source" until_true 5 inside sh -c 'systemctl show -P StatusText astd | grep -q "^listening to"'

echo "a session: its own sound server, the user's astd, and the system's"
inside systemctl stop astd astd-pulseaudio
inside sh -c 'mkdir -p /etc/pulse/default.pa.d; cp /usr/share/doc/astd/examples/session-pulseaudio.pa /etc/pulse/default.pa.d/astd.pa
    echo "load-module module-null-sink sink_name=session norewinds=1" > /etc/pulse/default.pa.d/test.pa'
inside loginctl enable-linger tester
uid=$(inside id -u tester)
session() { as tester env XDG_RUNTIME_DIR="/run/user/$uid" DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$uid/bus" "$@"; }
until_true 10 inside test -S "/run/user/$uid/systemd/private" || fail "no session"
session systemctl --user start pulseaudio || fail "the session's PulseAudio"
check "systemctl --user enable --now astd" session systemctl --user enable --now astd
check "the user's astd predicts a played siren" predicts_siren "/run/user/$uid/astd/events.sock" "unix:/run/user/$uid/pulse/native" tester
check "systemctl --user stop astd" session systemctl --user disable --now astd
inside systemctl start astd
check "the system's astd records from a session's server" predicts_siren /run/astd/events.sock "unix:/run/user/$uid/pulse/native" tester
inside systemctl stop astd
session systemctl --user stop pulseaudio.socket pulseaudio.service
inside systemctl start astd-pulseaudio astd

echo "upgrade"
dpkg-deb -R "$package" "$root/root/next"
version=$(sed -n 's/^Version: //p' "$root/root/next/DEBIAN/control")
sed -i "s/^Version: .*/Version: $version+1/" "$root/root/next/DEBIAN/control"
dpkg-deb --root-owner-group -Zgzip -b "$root/root/next" "$root/root/next.deb" > /dev/null
conffile=/etc/astd/astd.yaml
if inside test -f $conffile; then inside sh -c "echo '# kept' >> $conffile"; fi
old=$(main_pid)
inside env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq /root/next.deb >> .build/test-deb-apt.log 2>&1 || fail "upgrade"
check "the new version replaces the running one" until_true 5 answers_as_other_than "$old"
check "it is still enabled" inside systemctl is-enabled --quiet astd
if inside test -f $conffile; then check "the edited configuration was kept" inside grep -q '^# kept' $conffile; fi
check "it predicts a played siren" predicts_siren /run/astd/events.sock unix:/run/pulse/native tester

echo "remove, purge"
inside rm -rf /etc/systemd/system/astd-gateway.service.d /etc/astd/mqtt-password /etc/astd/hook
inside apt-get remove -y -qq astd >> .build/test-deb-apt.log 2>&1 || fail "remove"
refuse "daemon and gateway were stopped" inside pgrep 'astd.*'
inside apt-get purge -y -qq astd >> .build/test-deb-apt.log 2>&1 || fail "purge"
left=$(inside sh -c 'find / -xdev \( -name "astd*" -o -name "astctl*" \) -not -path "/root/*" -not -path "/proc/*" -not -path "/home/*" -not -path "/etc/pulse/*" \
    -not -path "/var/lib/systemd/*" -not -path "/var/lib/apt/*" 2> /dev/null' || true)
check "no file is left${left:+: $left}" [ -z "$left" ]
check "the package is gone" sh -c "! grep -q '^Package: astd$' '$root/var/lib/dpkg/status'"
failed=$(inside systemctl --failed --no-legend --plain | cut -d ' ' -f 1 | paste -s -d ' ')
check "no unit failed${failed:+: $failed}" [ -z "$failed" ]
echo "All of it works."
