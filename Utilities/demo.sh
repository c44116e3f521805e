#!/bin/bash
# The main job on synthetic data, under demo/: draw a long-tailed data set, train with a balanced loss, export ONNX, infer on
# folders, calibrate, evaluate. A step whose result exists is not done again; `rm -r demo` starts over.
set -euo pipefail
cd "$(dirname "$0")/.."
source Utilities/demo-steps.sh
recipe=models/demo-multilabel-db.yaml
mkdir -p demo

run "1. Draw a long-tailed multi-label data set (20 kinds, 4 … 775 training images each)" demo/data/annotations/test.json \
    $bin/lt-train synth --out demo/data --task multilabel
run "2. Train a small ResNet with the recipe $recipe, and export ONNX" demo/train/model.onnx \
    $bin/lt-train run $recipe --out demo/train
say "3. The file is complete: its own self-test runs it"
show $bin/lt-infer verify demo/train/model.onnx
run "4a. Predict the calibration images" demo/calibration.db \
    $bin/lt-infer run demo/train/model.onnx demo/data/calibration --out demo/calibration.db
run "4b. Predict the test images" demo/test.db \
    $bin/lt-infer run demo/train/model.onnx demo/data/test --out demo/test.db
run "5. Fit calibration and per-class thresholds, write them into a new ONNX file" demo/model.onnx \
    $bin/lt-eval calibrate demo/train/model.onnx --predictions demo/calibration.db --data demo/data/annotations/calibration.json \
    --method platt --thresholds f1 --out demo/model.onnx
say "6. Evaluate on the test images"
show $bin/lt-eval classification --predictions demo/test.db --data demo/data/annotations/test.json \
    --model demo/model.onnx --json demo/report.json

if [ -f docs/demo-comparison.md ]; then
    say "For comparison: recorded results of other recipes at equal budget (docs/demo-comparison.md)"
    sed -n '/<!-- table -->/,/<!-- end -->/p' docs/demo-comparison.md | sed '1d;$d'
fi

cat <<'END'

== What to try next
  lt-infer inspect demo/model.onnx               what the file carries: preprocessing, labels, calibration, thresholds
  lt-infer run demo/model.onnx YOUR_FOLDER --out p.db --csv p.csv     decisions for your own images
  lt-train run models/demo-multilabel-db.yaml --out demo/bce --set 'loss={name: bce}'      the same run with another loss
  lt-train losses                                the losses that a recipe can name
  README.md, docs/architecture.md                where everything is
(the tools are in .build/release)
END
