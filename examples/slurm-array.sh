#!/usr/bin/env bash
# Labels the files of a manifest with an array of Slurm jobs, one part per job:
#
#   sbatch --array=0-15 --cpus-per-task=4 slurm-array.sh manifest.txt labels/
#   cat labels/part-*.jsonl > labels.jsonl
#
# A job that was preempted, or whose node failed, resumes when Slurm requeues it (--requeue).
#SBATCH --job-name=astd
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

manifest=${1:?"usage: slurm-array.sh MANIFEST OUTPUT-DIRECTORY [OPTIONS OF astd classify]"}
output=${2:?"usage: slurm-array.sh MANIFEST OUTPUT-DIRECTORY [OPTIONS OF astd classify]"}
shift 2
part=${SLURM_ARRAY_TASK_ID:-0}
parts=${SLURM_ARRAY_TASK_COUNT:-1}
first=${SLURM_ARRAY_TASK_MIN:-0}

mkdir -p "$output"
# Every parts-th line, because neighbours in a manifest often have similar lengths.
awk -v part="$((part - first))" -v parts="$parts" 'NR % parts == part' "$manifest" > "$output/part-$part.txt"
if [ ! -s "$output/part-$part.txt" ]; then  # more parts than files
    : > "$output/part-$part.jsonl"
    exit 0
fi
status=0
astd classify --files-from "$output/part-$part.txt" --threads "${SLURM_CPUS_PER_TASK:-1}" \
    --format jsonl --output "$output/part-$part.jsonl" --resume "$@" || status=$?
# 1: some files had errors, which are records; the part is complete.
[ "$status" -eq 1 ] && [ -e "$output/part-$part.jsonl" ] || exit "$status"
