#!/bin/bash
# make bench: speed and memory as ratios against peers in the same run. Sets up Python peers once, in .bench/.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .bench
if ! cmp -s Benchmarks/requirements.txt .bench/requirements.txt; then
    echo "bench: installing the peers named in Benchmarks/requirements.txt into .bench/venv" >&2
    rm -rf .bench/venv
    python3 -m venv .bench/venv
    .bench/venv/bin/pip install --quiet -r Benchmarks/requirements.txt
    cp Benchmarks/requirements.txt .bench/requirements.txt
fi
echo "machine: $(nproc) cores, $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1), $(date +%F), $(git rev-parse --short HEAD)"
for script in resize agreement models folder memory; do
    [ -f "Benchmarks/$script.py" ] || continue
    echo
    echo "== $script"
    .bench/venv/bin/python "Benchmarks/$script.py"
done
