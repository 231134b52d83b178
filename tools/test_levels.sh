#!/bin/bash
# Run the tests, all or those that match the argument, with the kernels of each level of x86-64 that this processor has.
# Needs a debug build. OTHERS=1 leaves out the highest level, which `make test` uses.
set -euo pipefail
cd "$(dirname "$0")/.."
declare -A blas=([plain]=Nehalem [avx2]=Haswell [avxvnni]=Haswell [avx512]=SkylakeX [avx512vnni]=SkylakeX)
.build/debug/astd --version > /dev/null  # Without a build every level would seem to be missing.
levels=()
for level in plain avx2 avxvnni avx512 avx512vnni; do
    if ASTD_KERNELS=$level .build/debug/astd --version > /dev/null 2>&1; then
        levels+=("$level")
    else
        echo "== $level: not available on this processor"
    fi
done
[ -z "${OTHERS:-}" ] || unset 'levels[-1]'
for level in "${levels[@]}"; do
    echo "== $level"
    ASTD_KERNELS=$level OPENBLAS_CORETYPE=${blas[$level]} swift test --skip-build --parallel --filter "${1:-.}" 2>&1 |
        grep -E '✘|error:|Test run with'
done
