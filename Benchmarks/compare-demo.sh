#!/bin/bash
# Compares losses and samplers on the demo's data at equal budget: every arm gets the same grid of learning rates, judged by
# mAP on the calibration split (seed 100), then three seeds at its best rate, measured on the test split. Two trainings of
# one thread run side by side. Runs that exist are kept, so an interrupted comparison goes on; needs python3 for the tables.
# usage: Benchmarks/compare-demo.sh [OUT]      (default runs/compare; writes OUT/table.md, OUT/runs.csv)
# RATES, SEEDS, JOBS change the grid; EXTRA="iterations=1500" is a --set for every run.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-runs/compare}
rates=${RATES:-0.005 0.01 0.02 0.05}
seeds=${SEEDS:-1 2 3}
jobs=${JOBS:-2}
recipe=models/demo-multilabel-db.yaml
train=.build/release/lt-train
[ -x $train ] || { echo "compare-demo: build first (make build)" >&2; exit 1; }
[ -d demo/data ] || $train synth --out demo/data
mkdir -p "$out"

arms=(bce-uniform bce-aware r-bce r-bce-ntr r-bce-focal db)
# What an arm changes in the recipe.
settings() {
    case $1 in
    bce-uniform) echo "loss={name: bce}" "sampler={name: uniform}" ;;
    bce-aware) echo "loss={name: bce}" ;;
    r-bce) echo "loss={name: distribution-balanced, logit_reg: {}, focal: {on: false}}" ;;
    r-bce-ntr) echo "loss={name: distribution-balanced, focal: {on: false}}" ;;
    r-bce-focal) echo "loss={name: distribution-balanced, logit_reg: {}}" ;;
    db) echo "loss={name: distribution-balanced}" ;;
    esac
}
splits="validate={calibrate_on: calibration, calibration: {annotations: demo/data/annotations/calibration.json, images: demo/data/calibration}, test: {annotations: demo/data/annotations/test.json, images: demo/data/test}}"

# one ARM RATE SEED: a run, unless its report exists.
one() {
    local folder="$out/$1-lr$2-seed$3" set=() text
    [ -e "$folder/report-test.json" ] && return
    while IFS= read -r text; do set+=(--set "$text"); done < <(settings "$1" | sed 's/} sampler/}\nsampler/')
    OMP_NUM_THREADS=1 $train run $recipe --threads 1 --out "$folder" "${set[@]}" --set "optimizer.lr=$2" --set "seed=$3" \
        --set "$splits" ${EXTRA:+--set "$EXTRA"} >"$folder.log" 2>&1 || { echo "failed: $folder (see $folder.log)" >&2; return; }
    echo "done: $folder"
}
export -f one settings
export out splits recipe train

for arm in "${arms[@]}"; do for rate in $rates; do echo "$arm $rate 100"; done; done |
    xargs -P "$jobs" -L 1 bash -c 'one "$0" "$1" "$2"'
python3 Benchmarks/compare-demo.py "$out" best "${arms[@]}" |
    while read -r arm rate; do for seed in $seeds; do echo "$arm $rate $seed"; done; done |
    xargs -P "$jobs" -L 1 bash -c 'one "$0" "$1" "$2"'
python3 Benchmarks/compare-demo.py "$out" table "${arms[@]}"
cat "$out/table.md"
