#!/usr/bin/env bash
# Rules that swift-format does not check. Prints each breach and fails when there is one.
#
#   tools/house_rules.sh             what `make lint` runs
#   tools/house_rules.sh --report    every rule, those included that are not enforced yet; always succeeds
#   tools/house_rules.sh FILE...     the rules of language and width, for these files
set -euo pipefail
cd "$(dirname "$0")/.."
git rev-parse --is-inside-work-tree > /dev/null

# Set to false to report wording and width without failing.
enforced=true
report=false
if [ "${1:-}" = --report ]; then
    report=true
    shift
fi

breaches=0
breach() {
    echo "house rules: $*" >&2
    breaches=$((breaches + 1))
}

# ---- Files to read: text that people wrote, less the golden data and what is generated.
texts=("$@")
if [ ${#texts[@]} -eq 0 ]; then
    mapfile -t texts < <(git ls-files '*.swift' '*.c' '*.h' '*.js' '*.md' '*.py' '*.sh' '*.yaml' '*.html' \
        Makefile .ci/run 'docs/man/*' 'systemd/*' 'debian/*' \
        ':!Tests/Golden' ':!tools/house_rules.sh' ':!models/default/ATTRIBUTION.md' ':!debian/copyright')
fi

# ---- Wording: phrases that readers stumbled over, and what to write instead.
# pattern (Perl, case-insensitive) | instead
phrases=(
    '\banew\b|again, restart, recreate'
    '\b(un)?told\b|reported, published, written'
    '\bnobody is to\b|paused'
    '\b(hears|unheard)\b|captures, processes, receives'
    '\b(goes|go|gone|going) on with\b|continue'
    '\bnothing to go on\b|already complete'
    '\bstrangers?\b|untrusted'
    '(?<!there )(?<!where )\bis no (?!longer|more|less|later|op\b)|is not a'
    '\bfor ever\b|without limit, indefinitely'
    '\bwhat (it|they) should\b|say what was expected'
    '\b(there|stands there) twice\b|duplicate'
    '\bis there again\b|was recreated, is back'
    '\bperceptron|MLP'
    '\b(plain|slow|naive) twins?\b|reference kernel, reference implementation'
    '\bsoften|softmax'
    '\bno number\b|NaN'
    '\b(is|are) passed over\b|is ignored, is skipped'
    '\bgives? way\b|is replaced'
    '\bhow the daemon is\b|the status of the daemon'
    '\bforgets\b|removes, drops'
    '\bas fast as it goes\b|as fast as possible'
    '\blocked in\b|sandboxed'
    '\bthe window at hand\b|the current window'
    '\bis waited for\b|astd waits for'
    '\bnarrow (numbers|products|rows|weights)\b|quantised'
    '\bgone wrong with\b|failed'
    '\b(made|makes?) again\b|repeat, rebuild, regenerate'
    '\bbreaks? off\b|stops, is interrupted'
    '\bin good order\b|cleanly, orderly'
)
# Names that were replaced: docs/glossary.md has the current ones.
retired='ChannelBalance|NarrowProducts|FloatProducts|StreamAccount|SilenceWatch|Doorbell|PauseFlag|forgetCrowd'
retired+='|borrowedSamples|takeBroken|hearSilence|breakNews|breakOff|passOver|nextTelling|SOFTEN_STEP'

check_wording() {
    local rule pattern instead hits wide file
    for rule in "${phrases[@]}"; do
        pattern=${rule%|*} instead=${rule##*|}
        hits=$(grep -HnIPi -e "$pattern" -- "${texts[@]}" || true)
        [ -z "$hits" ] || breach "write '$instead' instead:"$'\n'"$(cut -c 1-200 <<< "$hits")"
    done
    hits=$(grep -HnIwE -e "$retired" -- "${texts[@]}" || true)
    [ -z "$hits" ] || breach "names that docs/glossary.md has replaced:"$'\n'"$(cut -c 1-200 <<< "$hits")"

    # ---- Width: Markdown at 120 columns (except tables, and lines that a link makes long), comments of Swift at 110
    # (swift-format checks everything but comments and strings).
    wide=$(export LC_ALL=C.UTF-8
        for file in "${texts[@]}"; do
            case $file in
                *.md) grep -HnP '^.{121}' "$file" | grep -vP ':\d+: *[|{←→]|\]\([^)]*\)\S*$|https?:' ;;
                *.swift) grep -HnP '^(?=\s*//).{111}' "$file" | grep -v 'https\?:' ;;
            esac
        done | cut -c 1-100)
    [ -z "$wide" ] || breach "at most 120 columns in Markdown and 110 in Swift:"$'\n'"$wide"
}
if $enforced || $report || [ $# -gt 0 ]; then check_wording; fi
wording=$breaches

# ---- Size: CONTRIBUTING.md has the same limit.
while read -r lines file; do
    [ "$lines" -le 400 ] || breach "$file has $lines lines, at most 400: split it"
done < <(git ls-files -z 'Sources/*.swift' 'Sources/*.c' 'Sources/*.h' 'Sources/*.js' 'Tests/*.swift' \
    | xargs -0r wc -l | grep -v ' total$')

# ---- Paths that documents name exist.
while IFS=: read -r document path; do
    [ -e "$path" ] || breach "$document names $path, which does not exist"
done < <(git ls-files '*.md' ':!Tests/Golden' \
    | xargs grep -HoP '`\K(Sources|Tests|tools|docs|etc|examples|systemd)/[\w./+-]+(?=`)' | sort -u)

# ---- Code that is unfinished, or crashes instead of throwing.
unfinished=$(git grep -nIwE 'TODO|FIXME|XXX|fatalError|try!|as!' -- Sources || true)
[ -z "$unfinished" ] || breach "unfinished or crashing code:"$'\n'"$unfinished"

# ---- Shell scripts parse, and shellcheck finds no error in them.
scripts=(.ci/run)
while IFS= read -r script; do scripts+=("$script"); done < <(git ls-files '*.sh')
for script in "${scripts[@]}"; do
    bash -n "$script" || breach "$script does not parse"
done
if command -v shellcheck > /dev/null; then
    shellcheck --severity=error "${scripts[@]}" || breach "shellcheck reports errors"
fi

if $report; then
    echo "house rules: $wording rules of wording and width are broken, $breaches rules in all"
    exit 0
fi
[ "$breaches" -eq 0 ]
