#!/usr/bin/env bash
# Installs the packages that building, testing and the demo need and this machine lacks. Debian and Ubuntu.
#
#   tools/setup.sh [PACKAGE...]     and these packages
set -euo pipefail

packages=(
    # Libraries, with their headers.
    libopenblas-dev libpng-dev libpulse-dev libsndfile1-dev libsoxr-dev libssl-dev libyaml-dev
    # Tests and demo play sound into a PulseAudio server of their own.
    pulseaudio pulseaudio-utils
    # tools/fetch_model.sh, and the small hub that it is tested with.
    curl python3
    # What the Swift toolchain needs to run, to link and to fetch packages.
    g++ libcurl4 libncurses6 libsqlite3-0 libxml2 tzdata git ca-certificates
    # What a target wants beyond that.
    "$@"
)
complain() { echo "setup: $*" >&2; }
PATH=$PATH:/opt/swift/usr/bin:$HOME/.local/share/swiftly/bin:/usr/libexec/swift/bin

if ! command -v swift > /dev/null; then
    complain "Swift 6.2 or newer is missing. Install it as https://www.swift.org/install/linux/ says, for instance:
  curl -O https://download.swift.org/swiftly/linux/swiftly-$(uname -m).tar.gz
  tar xzf swiftly-$(uname -m).tar.gz && ./swiftly init && . ~/.local/share/swiftly/env.sh
or unpack one of its archives to /opt/swift; then run this again."
    exit 1
fi

if command -v apt-get > /dev/null; then
    # Some packages have other names in other releases and provide these.
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
        # Never at the price of something that is there: pulseaudio and PipeWire's replacement may exclude each other.
        if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends --no-remove -o Dpkg::Use-Pty=0 "${missing[@]}" > /dev/null; then
            complain "apt-get could not install: ${missing[*]}"
            exit 1
        fi
    fi
else
    complain "no apt-get here: make sure that you have the equivalents of ${packages[*]}"
fi

# Only now: on a bare system Swift itself runs only with these packages.
version=$(swift --version 2> /dev/null | sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p' | head -n 1)
if [ -z "$version" ]; then
    complain "$(command -v swift) does not run: try \`swift --version\`"
    exit 1
elif [ "$(printf '%s\n' 6.2 "$version" | sort -V | head -n 1)" != 6.2 ]; then
    complain "$(command -v swift) is Swift $version, 6.2 or newer is needed: see https://www.swift.org/install/linux/"
    exit 1
fi
