"""Tries what the sandbox of a service must refuse or permit, and prints a line for each attempt: what was tried, and `open`
or the name of the error. tools/test_deb_streams.sh runs it inside the services.

    sandbox_probe.py PORT [FILE]    PORT: where a program listens on 127.0.0.1; FILE: gets the lines, too
"""
import errno
import os
import socket
import sys

PORT = int(sys.argv[1])


def connect(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as client:
        client.settimeout(5)
        client.connect(address)


def read(path):
    os.close(os.open(path, os.O_RDONLY))


ATTEMPTS = {
    "TCP": lambda: connect(socket.AF_INET, ("127.0.0.1", PORT)),
    "UDP": lambda: connect(socket.AF_INET, ("127.0.0.1", PORT), socket.SOCK_DGRAM),
    "IPv6": lambda: socket.socket(socket.AF_INET6).close(),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close(),
    "packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0).close(),
    "PulseAudio": lambda: connect(socket.AF_UNIX, "/run/pulse/native"),
    "microphone": lambda: read("/dev/snd/pcmC0D0c"),
    "requests": lambda: connect(socket.AF_UNIX, "/run/astd/astd.sock"),
    "records": lambda: connect(socket.AF_UNIX, "/run/astd/events.sock"),
    "addresses": lambda: os.listdir("/etc/astd/streams"),
    "recordings": lambda: os.listdir("/var/lib/astd"),
}

lines = []
for name, attempt in ATTEMPTS.items():
    try:
        attempt()
        outcome = "open"
    except OSError as error:
        outcome = errno.errorcode.get(error.errno, str(error))
    lines.append(f"{name} {outcome}")
print(*lines, sep="\n")
if len(sys.argv) > 2:
    # Complete or absent: the test waits for the file.
    with open(f"{sys.argv[2]}.new", "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")
    os.rename(f"{sys.argv[2]}.new", sys.argv[2])
