#!/bin/bash
# Compares losses and samplers at equal budget: every arm of a comparison gets the same grid of learning rates, judged on
# the calibration split (seed 100), then three seeds at its best rate, measured on the test split. Two trainings of one
# thread run side by side. Runs that exist are kept, so an interrupted comparison goes on; needs python3 for the tables.
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
# settings ARM (--set values of an arm, one a line), prepare (makes the data).
source "Benchmarks/comparisons/$name.sh"
read -ra arms <<<"${ARMS:-$arms}"
rates=${RATES:-$rates}
seeds=${SEEDS:-1 2 3}
jobs=${JOBS:-2}
prepare
mkdir -p "$out"

# one ARM RATE SEED: a run, unless its report exists.
one() {
    local folder="$out/$1-lr$2-seed$3" set=() text
    [ -e "$folder/report-test.json" ] && return
    while IFS= read -r text; do [ -z "$text" ] || set+=(--set "$text"); done < <(echo "$common"; settings "$1")
    OMP_NUM_THREADS=1 $train run "$recipe" --threads 1 --out "$folder" "${set[@]}" --set "optimizer.lr=$2" \
        --set "seed=$3" >"$folder.log" 2>&1 || { echo "failed: $folder (see $folder.log)" >&2; return; }
    echo "done: $folder"
}
export -f one settings
export out recipe train common

table() { python3 Benchmarks/compare.py "$out" "$1" "$judged" "$columns" "${arms[@]}"; }
for arm in "${arms[@]}"; do for rate in $rates; do echo "$arm $rate 100"; done; done |
    xargs -P "$jobs" -L 1 bash -c 'one "$0" "$1" "$2"'
table best |
    while read -r arm rate; do for seed in $seeds; do echo "$arm $rate $seed"; done; done |
    xargs -P "$jobs" -L 1 bash -c 'one "$0" "$1" "$2"'
table table
cat "$out/table.md"
