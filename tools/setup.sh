#!/usr/bin/env bash
# Installs the missing packages that the build, the tests and the demo need, on Debian and Ubuntu.
#
#   tools/setup.sh [PACKAGE...]     also installs these
set -euo pipefail

packages=(
    # Libraries, with their headers.
    libcurl4-openssl-dev libmosquitto-dev libopenblas-dev libpng-dev libpulse-dev libsndfile1-dev libsoxr-dev libsqlite3-dev libssl-dev libyaml-dev
    # Tests and demo play audio into a private PulseAudio server.
    pulseaudio pulseaudio-utils
    # tools/fetch_model.sh, and the hub server of its test.
    curl python3
    # The broker of the gateway's tests.
    mosquitto mosquitto-clients
    # Decodes what libsndfile cannot read; astd runs without it.
    ffmpeg
    # For examples/clients, and a terminal for tests.
    netcat-openbsd jq bsdutils
    # The Swift toolchain needs these to run, to link and to fetch packages.
    g++ libcurl4 libncurses6 libsqlite3-0 libxml2 tzdata git ca-certificates
    # Packages of a single make target.
    "$@"
)
complain() { echo "setup: $*" >&2; }
PATH=$PATH:/opt/swift/usr/bin:$HOME/.local/share/swiftly/bin:/usr/libexec/swift/bin

if ! command -v swift > /dev/null; then
    complain "Swift 6.2 or newer is missing. Install it as described at https://www.swift.org/install/linux/, for instance:
  curl -O https://download.swift.org/swiftly/linux/swiftly-$(uname -m).tar.gz
  tar xzf swiftly-$(uname -m).tar.gz && ./swiftly init && . ~/.local/share/swiftly/env.sh
or unpack one of its archives to /opt/swift; then run this again."
    exit 1
fi

if command -v apt-get > /dev/null; then
    # A package may be present under another name that provides this one.
    # shellcheck disable=SC2016
    present=" $(dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' \
        | sed -n 's/([^)]*)//g; s/,/ /g; s/^installed //p' | tr '\n' ' ') "
    missing=()
    for package in "${packages[@]}"; do
        [[ $present == *" $package "* ]] || missing+=("$package")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        as_root=()
        if [ "$(id -u)" -ne 0 ]; then
            if ! command -v sudo > /dev/null; then
                complain "as root, run: apt-get install --no-install-recommends ${missing[*]}"
                exit 1
            fi
            as_root=(sudo)
        fi
        echo "setup: installing ${missing[*]}"
        "${as_root[@]}" apt-get update -qq
        # --no-remove: pulseaudio and PipeWire's replacement may exclude each other; keep what is installed.
        if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends --no-remove -o Dpkg::Use-Pty=0 "${missing[@]}" > /dev/null; then
            complain "apt-get could not install: ${missing[*]}"
            exit 1
        fi
    fi
else
    complain "apt-get is missing: install the equivalents of ${packages[*]}"
fi

# Checked last, because Swift itself needs some of these packages to run.
version=$(swift --version 2> /dev/null | sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p' | head -n 1)
if [ -z "$version" ]; then
    complain "$(command -v swift) does not run: check \`swift --version\`"
    exit 1
elif [ "$(printf '%s\n' 6.2 "$version" | sort -V | head -n 1)" != 6.2 ]; then
    complain "$(command -v swift) is Swift $version, 6.2 or newer is needed: see https://www.swift.org/install/linux/"
    exit 1
fi
