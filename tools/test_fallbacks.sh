#!/bin/bash
# Tests the kernels for other processors under emulation: astd itself on two older x86-64 processors, the kernels alone on
# Arm. Needs a release build. Installs qemu and Arm's C library where they are missing.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
command -v qemu-x86_64-static > /dev/null || missing+=(qemu-user-static)
[ -d /usr/aarch64-linux-gnu ] || missing+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    echo "test-fallbacks: installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}" > /dev/null
fi
# On qemu64, OpenBLAS chooses kernels whose instructions it lacks.
for processor in Haswell Nehalem qemu64; do
    echo "== $processor: astd selftest"
    qemu-x86_64-static -cpu $processor .build/release/astd selftest 2> >(grep -v "TCG doesn't support" >&2)
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for processor in cortex-a53 neoverse-n1 max; do
    echo "== Arm $processor: the kernels"
    clang --target=aarch64-linux-gnu --gcc-toolchain=/usr -fuse-ld=lld -O2 -I Sources/CKernels/include -I Sources/CKernels \
        Tests/kernels/check.c Sources/CKernels/*.c Sources/CKernels/*/*.c -lm -static -o "$work/check"
    qemu-aarch64-static -cpu $processor "$work/check"
done
