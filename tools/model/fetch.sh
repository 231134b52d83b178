#!/bin/sh
# Downloads the Debian packages in packages.txt and unpacks their sounds under $1/pkg.
# Needs apt sources for Debian 12, unzip, and about 6 GB while it runs. Safe to run again: what is there is kept.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lab=${1:?usage: fetch.sh LAB_DIRECTORY}
mkdir -p "$lab/debs" "$lab/pkg"
grep -v '^#' "$here/packages.txt" | while read -r package _; do
    [ -d "$lab/pkg/$package" ] && continue
    (cd "$lab/debs" && apt-get download "$package")
    dpkg-deb -x "$lab"/debs/"$package"_*.deb "$lab/pkg/$package.part"
    for zip in $(find "$lab/pkg/$package.part" -name public.zip); do
        unzip -q -o "$zip" 'audio/*' -d "$lab/pkg/$package.part"
    done
    # Only sounds, soundfonts and licences stay. Of the drum kits instruments.py plays those that are not under the GPL.
    find "$lab/pkg/$package.part" -type f ! -name '*.ogg' ! -name '*.wav' ! -name '*.flac' ! -name '*.aiff' \
        ! -name '*.oga' ! -name '*.gsm' \
        ! -name '*.sf[23]' ! -name '*.cat' ! -path '*/usr/share/doc/*' -delete
    mv "$lab/pkg/$package.part" "$lab/pkg/$package"
    rm -f "$lab"/debs/"$package"_*.deb
done
