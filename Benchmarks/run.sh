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
python=.bench/venv/bin/python
title() { printf '\n== %s\n' "$*"; }

title "models alone against ONNX Runtime and OpenVINO"
$python Benchmarks/models.py --document docs/benchmarks.md
title "how time grows with batch, size and sessions"
$python Benchmarks/scaling.py
title "resizing against Pillow and OpenCV"
$python Benchmarks/resize.py
title "agreement with ONNX Runtime on exported topologies"
$python Benchmarks/agreement.py .bench/agreement 'torchvision.*.legacy*' 'video.*' 'segmentation.*'
.build/release/lt-infer verify --rtol 0 --atol 0 --relative-to-max 1e-4 .bench/agreement || true
title "a folder of photographs through ResNet-50 against Pillow and ONNX Runtime"
$python Benchmarks/folder.py
title "peak memory of 20,000 images against 500"
$python Benchmarks/memory.py
title "LVIS average precision against hotcoco"
$python Benchmarks/detection.py
title "mAP of 100,000 images × 1,203 classes against scikit-learn"
$python Benchmarks/classification.py
title "training steps of ResNet-32 and ResNet-50 against PyTorch"
$python Benchmarks/training-step.py
title "what loading data adds to a training step"
$python Benchmarks/data-loading.py
title "the C library: start-up against ONNX Runtime's, and what a call costs"
$python Benchmarks/c-api.py
