#!/bin/bash
# Compares losses and samplers at equal budget: every arm of a comparison gets the same grid of learning rates, judged on
# the calibration split (seed 100; a grid of one rate needs no judging), then its seeds at its best rate, measured on the
# test split. Two trainings of one thread run side by side. Runs that exist are kept, so an interrupted comparison goes on; needs python3 for the tables.
# usage: Benchmarks/compare.sh NAME [OUT]      NAME is a file of Benchmarks/comparisons; OUT defaults to runs/compare-NAME
#        writes OUT/table.md, OUT/runs.csv; RATES, SEEDS, JOBS, ARMS change the grid
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:-demo}
out=${2:-runs/compare-$name}
train=.build/release/lt-train
[ -x $train ] || { echo "compare: build first (make build)" >&2; exit 1; }
[ -e "Benchmarks/comparisons/$name.sh" ] || { echo "compare: there is no comparison '$name'" >&2; exit 1; }
# It says: recipe, arms, rates, common (--set values of every run, one a line), judged and columns (paths in the report),
# settings ARM (--set values of an arm, one a line), prepare (makes the data); first ARM (those of a first stage, whose
# weights the arm begins with; nothing: one stage), seeds.
first() { :; }
source "Benchmarks/comparisons/$name.sh"
read -ra arms <<<"${ARMS:-$arms}"
rates=${RATES:-$rates}
seeds=${SEEDS:-${seeds:-1 2 3}}
jobs=${JOBS:-2}
prepare
mkdir -p "$out"

# stage FOLDER RATE SEED: trains with the values of standard input, unless the reports are there.
stage() {
    local set=() text
    while IFS= read -r text; do [ -z "$text" ] || set+=(--set "$text"); done
    [ -e "$1/report-test.json" ] && return
    OMP_NUM_THREADS=1 $train run "$recipe" --threads 1 --out "$1" "${set[@]}" --set "optimizer.lr=$2" \
        --set "seed=$3" >"$1.log" 2>&1 || { echo "failed: $1 (see $1.log)" >&2; return 1; }
    echo "done: $1"
}
# one ARM RATE SEED: a run of one or two stages.
one() {
    local folder="$out/$1-lr$2-seed$3" before
    before=$(first "$1")
    if [ -z "$before" ]; then
        { echo "$common"; settings "$1"; } | stage "$folder" "$2" "$3"
    else
        # Folders of first stages are not read for the table.
        { echo "$common"; echo "$before"; } | stage "$folder.first" "$2" "$3" &&
            { echo "$common"; settings "$1"; echo "init={from: $folder.first/model.onnx}"; } | stage "$folder" "$2" "$3"
    fi || true
}
export -f one stage settings first
export out recipe train common

table() { python3 Benchmarks/compare.py "$out" "$1" "$judged" "$columns" "${arms[@]}"; }
if [ "$(wc -w <<<"$rates")" -gt 1 ]; then
    for arm in "${arms[@]}"; do for rate in $rates; do echo "$arm $rate 100"; done; done |
        xargs -P "$jobs" -L 1 bash -c 'one "$0" "$1" "$2"'
fi
best() {
    if [ "$(wc -w <<<"$rates")" -gt 1 ]; then table best; else printf "%s $rates\n" "${arms[@]}"; fi
}
best |
    while read -r arm rate; do for seed in $seeds; do echo "$arm $rate $seed"; done; done |
    xargs -P "$jobs" -L 1 bash -c 'one "$0" "$1" "$2"'
table table
cat "$out/table.md"
