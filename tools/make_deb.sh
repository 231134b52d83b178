#!/usr/bin/env bash
# Builds the Debian package from the release build: .build/deb/astd_VERSION_ARCHITECTURE.deb.
#
#   make deb
#   DEB_VERSION=0.1.0~rc1 make deb     with another version
set -euo pipefail
cd "$(dirname "$0")/.."

version=${DEB_VERSION:-$(sed -n 's/.*astdVersion = "\(.*\)"/\1/p' Sources/Wire/Version.swift)}
[ -n "$version" ] || { echo "deb: no version in Sources/Wire/Version.swift" >&2; exit 1; }

# debian/changelog gives dpkg the version; CHANGELOG.md is the real changelog. The date is the last commit's, so that two
# builds of one commit are identical.
maintainer=$(sed -n 's/^Maintainer: //p' debian/control)
date=$(git log -1 --format=%aD 2> /dev/null || date -R)
printf 'astd (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n' "$version" "$maintainer" "$date" \
    > debian/changelog

dpkg-buildpackage --build=binary --no-sign --no-pre-clean
mkdir -p .build/deb
rm -f .build/deb/*
# dpkg-buildpackage writes its results beside the source directory.
mv ../astd_"$version"_*.{deb,buildinfo,changes} ../astd-dbgsym_"$version"_*.deb .build/deb/
dh_clean
rm -f debian/changelog
if command -v lintian > /dev/null; then lintian --fail-on error .build/deb/astd_"$version"_*.deb; fi
ls -l .build/deb/*.deb
