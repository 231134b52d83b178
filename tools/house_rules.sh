#!/usr/bin/env bash
# Rules that no formatter knows. Prints each breach; fails when there is one.
set -euo pipefail
cd "$(dirname "$0")/.."
git rev-parse --is-inside-work-tree > /dev/null
breaches=0
breach() {
    echo "house rules: $*" >&2
    breaches=$((breaches + 1))
}

while read -r lines file; do
    [ "$lines" -le 400 ] || breach "$file has $lines lines, at most 400: split it"
done < <(git ls-files -z 'Sources/*.swift' 'Sources/*.c' 'Sources/*.h' | xargs -0r wc -l | grep -v ' total$')

unfinished=$(git grep -nIwE 'TODO|FIXME|XXX|fatalError|try!|as!' -- Sources || true)
[ -z "$unfinished" ] || breach "unfinished or crashing code:"$'\n'"$unfinished"

scripts=(.ci/run)
while IFS= read -r script; do scripts+=("$script"); done < <(git ls-files '*.sh')
for script in "${scripts[@]}"; do
    bash -n "$script" || breach "$script does not parse"
done
if command -v shellcheck > /dev/null; then
    shellcheck --severity=error "${scripts[@]}" || breach "shellcheck complains"
fi

[ "$breaches" -eq 0 ]
