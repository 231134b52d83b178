# Read by tools/test_deb.sh: streams of an RTSP camera and an Icecast station, both with a password. Where can the password
# be seen, and what can the process with the network, and the one with the microphone, open?
# shellcheck shell=bash

echo "streams from the network, with passwords"
exposure=$(inside systemd-analyze security --no-pager astd-stream@test.service | sed -nE 's/.*exposure level[^:]*: ([0-9.]+).*/\1/p')
check "exposure $exposure, at most 1.5" awk -v e="$exposure" 'BEGIN { exit !(e != "" && e <= 1.5) }'
check "only root reads the addresses" [ "$(inside stat -c %a%U /etc/astd/streams)" = 700root ]
inside env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ffmpeg icecast2 python3-gi \
    gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good >> .build/test-deb-apt.log 2>&1 \
    || fail "apt-get install ffmpeg icecast2 and an RTSP server"
inside systemctl disable -q --now icecast2 2> /dev/null || true
inside systemctl reset-failed icecast2 2> /dev/null || true

# The container shares the network of this machine.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
camera_port=$(free_port) radio_port=$(free_port)
install -m 644 tools/faults/camera.py tools/sandbox_probe.py "$root/usr/local/lib/"

# Servers. Their units must not show the passwords either. Some end with an error when they are stopped (--collect).
inside sh -c 'umask 077; printf "CAMERA_USER=guard\nCAMERA_PASSWORD=d00r-s3cret\n" > /root/camera.env'
camera() {
    inside systemd-run -q --collect --unit camera -p EnvironmentFile=/root/camera.env -p DynamicUser=yes \
        python3 /usr/local/lib/camera.py "$camera_port"
}
inside tee /etc/icecast2/test.xml > /dev/null << XML
<icecast><limits><sources>2</sources></limits><hostname>localhost</hostname>
<authentication><source-password>hackme</source-password><admin-user>admin</admin-user>
<admin-password>hackme</admin-password></authentication>
<listen-socket><port>$radio_port</port><bind-address>127.0.0.1</bind-address></listen-socket>
<mount type="normal"><mount-name>/live.mp3</mount-name><authentication type="htpasswd">
<option name="filename" value="/etc/icecast2/listeners"/></authentication></mount>
<paths><basedir>/usr/share/icecast2</basedir><logdir>/var/log/icecast2</logdir>
<webroot>/usr/share/icecast2/web</webroot><adminroot>/usr/share/icecast2/admin</adminroot></paths>
<logging><errorlog>error.log</errorlog><accesslog>access.log</accesslog></logging></icecast>
XML
inside sh -c 'printf "listener:%s\n" "$(printf r4dio-s3cret | md5sum | cut -d" " -f1)" > /etc/icecast2/listeners
    chown icecast2 /etc/icecast2/test.xml /etc/icecast2/listeners'
inside systemd-run -q --collect --unit radio -p User=icecast2 icecast2 -c /etc/icecast2/test.xml
inside systemd-run -q --collect --unit sender -p Restart=always -p RestartSec=1 ffmpeg -nostdin -v error -re -stream_loop -1 \
    -i /usr/share/astd/models/default/examples/siren.flac -c:a libmp3lame -f mp3 \
    "icecast://source:hackme@127.0.0.1:$radio_port/live.mp3"
camera

# The daemon reads the microphone and both streams. A program that it starts shows what the daemon itself may open.
inside sh -c "cat > /etc/astd/test-streams.yaml" << YAML
hop: 2
sources:
  microphone: {source: pulse}
  door: {source: "pipe:/run/astd/streams/door"}
  radio: {source: "pipe:/run/astd/streams/radio"}
  probe: {source: [command, /usr/bin/python3, /usr/local/lib/sandbox_probe.py, "$radio_port", /run/astd/probe]}
YAML
mkdir -p "$root/etc/systemd/system/astd.service.d" "$root/etc/systemd/system/astd-stream@probe.service.d"
inside sh -c 'printf "[Service]\nEnvironment=ASTD_CONFIG=/etc/astd/test-streams.yaml\n" > /etc/systemd/system/astd.service.d/test.conf
    printf "[Service]\nType=oneshot\nRestart=no\nExecStart=\nExecStart=python3 /usr/local/lib/sandbox_probe.py %s\n" '"$radio_port"' \
        > "/etc/systemd/system/astd-stream@probe.service.d/test.conf"
    systemctl daemon-reload; systemctl restart astd'

address() { # NAME URL: as an administrator sets it
    inside sh -c "umask 077; cat > /etc/astd/streams/$1.env" <<< "URL=$2"
}
state_of() { # SOURCE STATE
    inside astctl status --json | python3 -c '
import json, sys
print(*(source["state"] for source in json.load(sys.stdin)["sources"] if source["source"] == sys.argv[1]))' "$1" | grep -qx "$2"
}
journal_has() { # UNIT PATTERN
    inside journalctl -a -o cat -u "$1" | grep -qaE "$2"
}
# Everything that shows processes, units, settings and records, to root or to others.
nothing_shows_secret() { # WHEN
    local part
    inside timeout 60 sh -c '
        ps axww -o args; runuser -u outsider -- ps axwwe; cat /proc/[0-9]*/cmdline | tr "\0" " "
        journalctl -a -o verbose --no-pager
        for unit in astd.service astd-stream@door.service astd-stream@radio.service; do
            systemctl status -l -n 1000 --no-pager $unit; systemctl show $unit; systemctl cat $unit
        done
        runuser -u tester -- astctl status; runuser -u tester -- astctl status --json
        runuser -u tester -- astctl metrics
        runuser -u tester -- astd run --check-config --config /etc/astd/test-streams.yaml
        timeout 5 runuser -u tester -- nc -U /run/astd/events.sock; true' > "$root/shown" 2>&1 || fail "$1: collecting takes too long"
    for part in 'astd-stream /run/astd/streams/door' '_SYSTEMD_UNIT=astd-stream@radio.service' 'ExecMainPID=' 'door .*pipe:' \
        '^astd_level_dbfs' '"source":"door"' 'test-streams.yaml:[0-9]' '"type":"hello"'; do
        grep -qaE "$part" "$root/shown" || fail "$1: '$part' is not among what is searched"
    done
    refuse "$1, no list of processes, log, status or record has a password" grep -a s3cret "$root/shown"
}

address door "rtsp://guard:wr0ng-s3cret@127.0.0.1:$camera_port/live"
address radio "http://listener:wr0ng-s3cret@127.0.0.1:$radio_port/live.mp3"
inside systemctl start astd-stream@door astd-stream@radio
for source in door radio; do
    check "$source refuses a wrong password" until_true 20 journal_has astd-stream@$source '401'
    check "its address is masked" until_true 5 journal_has astd-stream@$source "(rtsp|http)://\*\*\*@127.0.0.1:"
done
nothing_shows_secret "while servers refuse the password"
address door "rtsp://guard:d00r-s3cret@127.0.0.1:$camera_port/live"
address radio "http://listener:r4dio-s3cret@127.0.0.1:$radio_port/live.mp3"
inside systemctl restart astd-stream@door astd-stream@radio
for source in microphone door radio; do check "$source is healthy" until_true 30 state_of $source healthy; done
stream_predicted() { # SOURCE
    as tester timeout 6 nc -U /run/astd/events.sock > "$root/records" || true
    grep -qE "\"type\":\"prediction\".*\"source\":\"$1\"" "$root/records"
}
for source in door radio; do check "$source is classified" until_true 30 stream_predicted $source; done
check "the password is in the environment of the script" inside sh -c \
    'grep -qa d00r-s3cret "/proc/$(systemctl show -P MainPID astd-stream@door)/environ"'
refuse "other users cannot read that environment" inside sh -c \
    'runuser -u outsider -- cat "/proc/$(systemctl show -P MainPID astd-stream@door)/environ"'
nothing_shows_secret "while streams are read"
inside systemctl stop camera radio sender
check "a lost camera is reported" until_true 30 journal_has astd-stream@door 'Connection refused'
nothing_shows_secret "after the servers have ended"

echo "what their processes can open"
opens() { # FILE: each line of the standard input must be one of the file's
    local line
    while read -r line; do grep -qx "$line" "$1" || { echo "expected '$line':" $(cat "$1") >&2; return 1; }; done
}
probed() { # WHAT FILE: the lines are on the standard input
    if opens "$2"; then pass "$1"; else fail "$1"; fi
}
# A station again, to connect to; and a microphone that anybody may read.
inside systemd-run -q --collect --unit radio -p User=icecast2 icecast2 -c /etc/icecast2/test.xml
until_true 10 python3 -c "import socket; socket.create_connection(('127.0.0.1', $radio_port))" || fail "icecast2 does not listen"
inside sh -c 'mkdir -p /dev/snd; mknod -m 666 /dev/snd/pcmC0D0c c 1 5'
inside systemd-run -q --wait --pipe -p User=tester python3 /usr/local/lib/sandbox_probe.py "$radio_port" > "$root/probe-user"
probed "a user of both groups, without a sandbox: everything" "$root/probe-user" << 'LINES'
TCP open
UDP open
IPv6 open
netlink open
PulseAudio open
microphone open
requests open
records open
recordings open
LINES
address probe "http://127.0.0.1:$radio_port/live.mp3"
inside systemctl start astd-stream@probe || fail "the probe in astd-stream@probe"
inside journalctl -u astd-stream@probe -o cat > "$root/probe-stream"
probed "astd-stream@: the network, no microphone, no sound server, nothing of astd" "$root/probe-stream" << 'LINES'
TCP open
UDP open
IPv6 open
netlink EAFNOSUPPORT
packets EAFNOSUPPORT
PulseAudio EAFNOSUPPORT
microphone ENOENT
requests EAFNOSUPPORT
records EAFNOSUPPORT
addresses EACCES
recordings EACCES
LINES
inside rm -f /run/astd/probe
until_true 30 inside test -s /run/astd/probe || fail "the probe in astd"
inside cat /run/astd/probe > "$root/probe-daemon"
probed "astd: the sound server, no network, no device, no address" "$root/probe-daemon" << 'LINES'
TCP EAFNOSUPPORT
UDP EAFNOSUPPORT
IPv6 EAFNOSUPPORT
netlink EAFNOSUPPORT
packets EAFNOSUPPORT
PulseAudio open
microphone ENOENT
requests open
records open
addresses EACCES
recordings open
LINES
check "its only network interface is lo" [ "$(inside grep -o '[a-z0-9]*:' "/proc/$(main_pid)/net/dev" | tr -d '\n')" = lo: ]

inside systemctl stop astd-stream@door astd-stream@radio radio
inside sh -c 'rm -rf /etc/systemd/system/astd.service.d/test.conf /etc/systemd/system/astd-stream@probe.service.d \
    /etc/astd/test-streams.yaml /etc/astd/streams/*.env /run/astd/probe /dev/snd
    rmdir /etc/systemd/system/astd.service.d 2> /dev/null; rm -f /usr/local/lib/camera.py /usr/local/lib/sandbox_probe.py
    systemctl daemon-reload; systemctl restart astd'
until_true 10 says healthy || fail "astd does not record again"
