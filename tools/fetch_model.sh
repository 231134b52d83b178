#!/usr/bin/env bash
# Downloads a model or a LoRA adapter from a Hugging Face hub and inspects it with astd. Needs curl. `astd pull` runs it.
set -euo pipefail

# `astd pull` sets this, so that messages name the command that the user typed.
called=${ASTD_PULL:+astd}
complain() { echo "${called:-fetch_model}: $*" >&2; }
fail() { complain "$@"; exit 1; }
usage() {
    cat <<'EOF'
usage: fetch_model.sh [--revision REVISION] [--token-file FILE] [--parent DIR] REPO[/FOLDER]|URL [DIR]

  fetch_model.sh MIT/ast-finetuned-audioset-10-10-0.4593            # into models/ast-finetuned-audioset-10-10-0.4593
  fetch_model.sh --revision refs/pr/3 someone/my-adapter models/mine
  fetch_model.sh someone/my-adapters/birds                          # the adapter in the folder birds
  fetch_model.sh https://huggingface.co/someone/my-adapter/tree/v2  # an address copied from the browser

Without DIR, the files are placed in a directory named after the repository, below --parent (default: models).
Interrupted downloads are resumed, and files appear under their names only when all are complete. HF_ENDPOINT selects
another hub (default https://huggingface.co). The token of --token-file, HF_TOKEN or the file HF_TOKEN_PATH is sent to
that hub only; that of `hf auth login` only to https://huggingface.co. ASTD is the astd that inspects the result.
EOF
}
misuse() { complain "$*: see ${ASTD_PULL:-fetch_model.sh} --help"; exit 64; }

revision='' token_file='' parent=models
arguments=()
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --revision) [ $# -gt 1 ] || misuse "--revision needs a branch, tag or commit"; revision=$2; shift ;;
        --revision=*) revision=${1#*=} ;;
        --token-file) [ $# -gt 1 ] || misuse "--token-file needs a file"; token_file=$2; shift ;;
        --token-file=*) token_file=${1#*=} ;;
        --parent) [ $# -gt 1 ] || misuse "--parent needs a directory"; parent=$2; shift ;;
        --parent=*) parent=${1#*=} ;;
        --) shift; arguments+=("$@"); break ;;
        -*) misuse "unknown option $1" ;;
        *) arguments+=("$1") ;;
    esac
    shift
done
case ${#arguments[@]} in 1 | 2) ;; *) misuse "expected REPO and an optional DIR" ;; esac
repo=${arguments[0]}
part='[A-Za-z0-9_][A-Za-z0-9._-]*'
folder=
own_hub=https://huggingface.co
endpoint=${HF_ENDPOINT:-$own_hub}
endpoint=${endpoint%/}
[[ $endpoint =~ ^(https?://[^/?#@]+)(/[^?#]*)?$ ]] || misuse "HF_ENDPOINT '$endpoint' is not an http(s) address"
hub=${BASH_REMATCH[1]}

# Takes the repository, and perhaps a revision and a folder, from the address of a page of the hub.
take_address() {
    local address=${repo%%[?#]*} path kind
    case $address in
        "$endpoint"/*) path=${address#"$endpoint"/} ;;
        https://huggingface.co/* | https://www.huggingface.co/* | https://hf.co/*) path=${address#https://*/} ;;
        *) misuse "$address is not on $endpoint: set HF_ENDPOINT to its hub" ;;
    esac
    path=${path%/}
    case $path in datasets/* | spaces/*) misuse "$address is not a model" ;; esac
    [[ $path =~ ^($part/$part)(/(tree|blob|resolve)/([^/]+)(/(.+))?)?$ ]] \
        || misuse "$address is not the address of a repository; expected $endpoint/owner/name"
    repo=${BASH_REMATCH[1]} kind=${BASH_REMATCH[3]}
    [ -n "$revision" ] || revision=${BASH_REMATCH[4]//%2F//}
    path=${BASH_REMATCH[6]}
    # The address of a file stands for its folder.
    if [ "$kind" != tree ]; then
        case $path in */*) path=${path%/*} ;; *) path='' ;; esac
    fi
    [ -z "$path" ] || [[ $path =~ ^$part$ ]] || misuse "$address is too deep: expected a folder of the repository"
    folder=${path:+$path/}
}

case $repo in *://*) take_address ;; esac
if [[ $repo =~ ^($part/$part)/($part)$ ]]; then
    repo=${BASH_REMATCH[1]}
    folder=${BASH_REMATCH[2]}/
fi
[[ $repo =~ ^$part(/$part)?$ ]] || misuse "'$repo' is not a repository; expected owner/name"
revision=${revision:-main}
[[ $revision =~ ^$part(/$part)*$ ]] || misuse "'$revision' is not a revision"
directory=${arguments[1]:-$parent/${repo##*/}${folder:+-${folder%/}}}
# A name that begins with a dash is not an option of the programs below.
case $directory in -*) directory=./$directory ;; esac

read_token() { # Sets token to the first line of file $1.
    [ -r "$1" ] || misuse "cannot read the token in $1"
    token=
    read -r token < "$1" || [ -n "$token" ] || misuse "$1 is empty, but should contain a token"
}
stored=${HF_HOME:-${XDG_CACHE_HOME:-${HOME:-/}/.cache}/huggingface}/token
token=${HF_TOKEN:-} token_name=HF_TOKEN
# Programs that this script starts do not need it.
unset HF_TOKEN
if [ -n "$token_file" ]; then
    token_name=$token_file
    read_token "$token_file"
elif [ -z "$token" ] && [ -n "${HF_TOKEN_PATH:-}" ]; then
    token_name=$HF_TOKEN_PATH
    read_token "$HF_TOKEN_PATH"
elif [ -z "$token" ] && [ "$endpoint" = "$own_hub" ] && [ -s "$stored" ] && [ -r "$stored" ]; then
    token_name=$stored
    read_token "$stored"
fi
# The token is written to a curl configuration, where a quote or a line end could add options.
[[ $token =~ ^[A-Za-z0-9._~+/=-]*$ ]] || misuse "$token_name contains invalid characters"
if [ -n "$token" ] && [[ ! $hub =~ ^(https://|http://(localhost|127\.0\.0\.1|\[::1\])(:|$)) ]]; then
    misuse "the token would be sent to $hub without encryption: use https, or unset HF_TOKEN"
fi
protocols='=https'
case $hub in http://*) protocols='=http,https' ;; esac
command -v curl > /dev/null || fail "curl is missing: install it (apt-get install curl)"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
limits=(--connect-timeout 20 --speed-limit 1 --speed-time 60 --proto "$protocols")
attempts=5

# Runs curl, with the token if the address is the hub's. The token is passed on standard input, because all users can
# read the arguments of a process. $1: the address; then curl's arguments.
fetch() {
    local address=$1
    shift
    if [ -n "$token" ] && [[ $address == "$hub"/* ]]; then
        printf 'header = "Authorization: Bearer %s"\n' "$token" | curl --config - "${limits[@]}" "$@" -- "$address"
    else
        curl "${limits[@]}" "$@" -- "$address"
    fi
}

# Explains curl's exit status $1 for address $2 and exits.
network_failed() {
    case $1 in
        23) fail "cannot write to $directory: is the disk full? (df $directory)" ;;
        5 | 6 | 7 | 28 | 35 | 52 | 55 | 56) fail "cannot reach ${2%%\?*}: check the network, or set HF_ENDPOINT" ;;
        60 | 77) fail "${2%%\?*}: its certificate is not trusted: install ca-certificates" ;;
        *) fail "downloading ${2%%\?*} failed (curl exit status $1): try again" ;;
    esac
}

# Runs a function or command, and repeats it after temporary network errors.
patiently() {
    local attempt status
    for ((attempt = 1; ; attempt++)); do
        status=0
        "$@" || status=$?
        case $status in
            0) return 0 ;;
            5 | 6 | 7 | 18 | 28 | 35 | 52 | 55 | 56 | 92) ;;
            *) return "$status" ;;
        esac
        [ "$attempt" -lt "$attempts" ] || return "$status"
        sleep "$attempt"
    done
}

header() { # Prints header $1 of the last response.
    tr -d '\r' < "$scratch/headers" | sed -n "s/^$1: *//Ip" | tail -n 1
}

ask() { # Sends one HEAD request; sets code and next.
    local said
    said=$(fetch "$1" --silent --head --output /dev/null --dump-header "$scratch/headers" \
        --write-out '%{http_code} %{redirect_url}') || return
    code=${said%% *}
    next=${said#* }
    case $code in 429 | 5??) return 28 ;; esac
}

# Locates file $1. Sets code (200, 404, ...), address, size and sha256 (empty if the hub does not provide it).
locate() {
    local hop status etag
    size='' sha256=''
    address=$endpoint/$repo/resolve/${revision//\//%2F}/$folder$1
    for ((hop = 0; hop < 10; hop++)); do
        code='' next='' status=0
        patiently ask "$address" || status=$?
        if [ "$status" -ne 0 ]; then
            case $code in 429 | 5??) fail "$hub answers $code: the hub is unavailable: try again later" ;; esac
            network_failed "$status" "$address"
        fi
        [ -n "$size" ] || size=$(header x-linked-size)
        etag=$(header x-linked-etag)
        [ -n "$etag" ] || etag=$(header etag)
        etag=${etag#W/}
        etag=${etag//\"/}
        if [ -z "$sha256" ] && [[ $etag =~ ^[0-9a-f]{64}$ ]]; then sha256=$etag; fi
        case $code in
            200) [ -n "$size" ] || size=$(header content-length); return ;;
            301 | 302 | 303 | 307 | 308) ;;
            404 | 410) return ;;
            401 | 403) [ "$(header x-error-code)" != GatedRepo ] \
                || fail "$repo is gated: accept its terms on $endpoint/$repo," \
                    "and set HF_TOKEN${token:+ to a token with access}" ;;&
            401) fail "$repo is private or does not exist: check the name, set HF_TOKEN${token:+ to a valid token}" ;;
            403)
                fail "no access to $repo: accept its terms on $endpoint/$repo," \
                    "and set HF_TOKEN${token:+ to a token with access}" ;;
            *) fail "$address answers $code: try again later" ;;
        esac
        [ -n "$next" ] || fail "$address answers $code without a location: try again later"
        address=$next
        # The hub has described the file. Storage servers sign addresses for GET only, so do not send them HEAD.
        if [ -n "$size" ] && [[ $address != "$hub"/* ]]; then code=200; return; fi
    done
    fail "$1 of $repo: too many redirects: try again later"
}

# Prints the folders of the repository that hold file $1. Prints nothing where the hub does not list files.
folders_with() {
    local address=$endpoint/api/models/$repo/tree/${revision//\//%2F}?recursive=true
    fetch "$address" --silent --fail --max-time 60 2> /dev/null \
        | grep -o '"path" *: *"[^"/]*/'"${1//./\\.}"'"' | sed 's/^.*"\([^"/]*\)\/.*$/\1/' | sort -u || true
}

# Takes the only $1 ("an adapter", "a model") one folder deeper, a folder with file $2; fails if there are several.
take_inner() {
    local found
    found=$(folders_with "$2")
    case $(grep -c . <<< "$found") in
        0) return 1 ;;
        1) [[ $found =~ ^$part$ ]] || return 1 ;;
        *) fail "$repo has $1 in each of ${found//$'\n'/, }: name one, as $repo/FOLDER" ;;
    esac
    complain "the ${1#* } of $repo is in its folder $found"
    folder=$found/
}

# PEFT saves an adapter that has a name one folder deeper, and transformers' Trainer each checkpoint.
look_deeper() {
    if take_inner "an adapter" adapter_config.json; then
        required=(adapter_config.json adapter_model.safetensors)
        optional=(config.json preprocessor_config.json)
    else
        take_inner "a model" config.json || true
    fi
}

missing() {
    fail "$repo has no $1 at revision $revision, or does not exist: check both names"
}

# Fails if the repository has file $1: weights that astd does not read.
only_pickled() {
    locate "$1"
    [ "$code" != 200 ] \
        || fail "$repo has only $1, a Python pickle, but astd reads safetensors: download the repository" \
            "(hf download $repo --local-dir $directory), then convert it with tools/import_bin.py $directory"
}

# Adds the index at $address and the shards that it names to files.
list_shards() {
    local shard name=model.safetensors.index.json
    receive "$scratch/$name" || fail "cannot download $name of $repo: try again"
    grep -o '"[^"]*"[[:space:]]*:[[:space:]]*"[^"]*\.safetensors"' "$scratch/$name.part" \
        | sed 's/^.*"\([^"]*\)"$/\1/' | sort -u > "$scratch/shards"
    [ -s "$scratch/shards" ] || fail "$name of $repo names no shards: report it to the owner of the repository"
    while IFS= read -r shard; do
        [[ $shard =~ ^$part$ ]] || fail "$name of $repo names '$shard', which is not a file in the repository"
        locate "$shard"
        [ "$code" = 200 ] || fail "$repo has no $shard at revision $revision, though $name names it"
        files+=("$shard")
    done < "$scratch/shards"
    files+=("$name")
}

intact() { # Whether file $1 has the size and sha256 that the hub gave.
    local found
    [ -z "$size" ] || [ "$(stat -c %s "$1")" = "$size" ] || return 1
    [ -z "$sha256" ] || { found=$(sha256sum < "$1") && [ "${found%% *}" = "$sha256" ]; }
}

receive() { # Downloads $address to $1.part, resuming it if it exists.
    local quiet=(--silent) follow=() status=0
    [ ! -t 2 ] || quiet=(--progress-bar)
    # For the hub's own addresses only locate follows redirects, because --location would forward the token.
    [[ $address == "$hub"/* ]] || follow=(--location)
    code=''
    fetch "$address" --fail "${quiet[@]}" ${follow[@]+"${follow[@]}"} --continue-at - --output "$1.part" \
        --write-out '%{http_code}' > "$scratch/code" || status=$?
    code=$(cat "$scratch/code")
    case $status:$code in
        22:429 | 22:5??) return 28 ;;
        22:416 | 33:* | 36:*) # The server cannot resume: start over.
            rm -f "$1.part"
            return 18 ;;
    esac
    return "$status"
}

enough_room() { # Checks the free space for the rest of $1.
    local free have=0
    [ -n "$size" ] || return 0
    [ ! -f "$1.part" ] || have=$(stat -c %s "$1.part")
    free=$(df -Pk "$directory" | awk 'NR == 2 { print $4 }')
    [ $(((size - have) / 1024)) -le "$free" ] \
        || fail "$directory: ${1##*/} needs $((size / 1000000)) MB, but $((free / 1000)) MB are free"
}

download() { # Downloads file $1, after locate.
    local file=$directory/$1 status try
    if [ -n "$sha256" ] && [ -f "$file" ] && intact "$file"; then
        echo "$file: already downloaded"
        return
    fi
    enough_room "$file"
    for try in 1 2; do
        # Without a size, a complete part cannot be distinguished from one of another revision.
        [ -n "$size" ] || rm -f "$file.part"
        status=0
        if [ -z "$size" ] || [ "$(stat -L -c %s "$file.part" 2> /dev/null)" != "$size" ]; then
            [ ! -t 2 ] || echo "$1" >&2
            patiently receive "$file" || status=$?
        fi
        [ "$status" -ne 22 ] || fail "${address%%\?*} answers $code: try again"
        [ "$status" -eq 0 ] || network_failed "$status" "$address"
        if intact "$file.part"; then
            arrived+=("$1")
            return
        fi
        rm -f "$file.part" # A part of another revision, or corrupted.
        [ "$try" -eq 1 ] || fail "$1 of $repo is corrupted (wrong size or sha256): try again later"
        locate "$1" # Signed addresses expire.
    done
}

# An adapter may have a config.json too, so adapter_config.json decides.
locate adapter_config.json
if [ "$code" = 200 ]; then
    required=(adapter_config.json adapter_model.safetensors)
    optional=(config.json preprocessor_config.json)
else
    required=(config.json preprocessor_config.json model.safetensors)
    optional=()
    locate config.json
    [ "$code" = 200 ] || [ -n "$folder" ] || look_deeper
fi
files=()
for name in "${required[@]}"; do
    locate "$name"
    if [ "$code" = 200 ]; then
        files+=("$name")
        continue
    fi
    case $name in
        model.safetensors)
            locate model.safetensors.index.json
            if [ "$code" = 200 ]; then
                list_shards
                continue
            fi
            only_pickled pytorch_model.bin
            only_pickled pytorch_model.bin.index.json
            variant=model.fp16.safetensors
            locate "$variant"
            [ "$code" != 200 ] || fail "$repo has only $variant: download it and rename it to model.safetensors" ;;
        adapter_model.safetensors) only_pickled adapter_model.bin ;;
        preprocessor_config.json)
            fail "$repo has no $name at revision $revision: fetch the model that it was trained from," \
                "and copy that one's $name" ;;
    esac
    missing "$name"
done
for name in ${optional[@]+"${optional[@]}"}; do
    locate "$name"
    [ "$code" != 200 ] || files+=("$name")
done
mkdir -p "$directory" 2> /dev/null || fail "cannot create $directory: give another DIR"
[ -w "$directory" ] || fail "cannot write to $directory: give another DIR"
# Two owners may use one name; the second must not replace a part of the first one's model.
source=$endpoint/$repo${folder:+/${folder%/}}
if [ -s "$directory/.source" ] && [ "$(head -n 1 "$directory/.source")" != "$source" ]; then
    fail "$directory is of $(head -n 1 "$directory/.source"): give another DIR, or delete it"
fi
arrived=()
for name in "${files[@]}"; do
    locate "$name"
    download "$name"
done
# All at once, so that the directory of an update is not for minutes half of the old and half of the new revision.
for name in ${arrived[@]+"${arrived[@]}"}; do
    mv -f "$directory/$name.part" "$directory/$name" || fail "cannot write to $directory: is the disk full?"
    echo "$directory/$name"
done
printf '%s\n%s\n' "$source" "$revision" > "$directory/.source" || fail "cannot write to $directory: is the disk full?"

astd=${ASTD:-$(dirname "$0")/../.build/release/astd}
[ -n "${ASTD:-}" ] || [ -x "$astd" ] || astd=$(command -v astd || true)
if [ -z "$astd" ]; then
    complain "cannot inspect $directory without astd: run make release, then astd inspect $directory"
    exit 0
fi
command -v "$astd" > /dev/null || fail "ASTD '$astd' is not a program: correct or unset it"
"$astd" inspect "$directory" || fail "astd cannot use $directory (reason above)"
