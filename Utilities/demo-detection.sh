#!/bin/bash
# A detector on synthetic data, under demo/: draw a long-tailed set in LVIS's format, train with a balanced loss, export ONNX,
# detect, evaluate. A step whose result exists is not done again; `rm -r demo` starts over.
set -euo pipefail
cd "$(dirname "$0")/.."
source Utilities/demo-steps.sh
recipe=models/demo-detection.yaml
data=demo/detection/data/lvis_v1
mkdir -p demo

run "1. Draw a long-tailed set with boxes and masks in LVIS's format" $data/annotations/lvis_v1_val.json \
    $bin/lt-train synth --task detection --classes 20 --images 200 --longtail exponential:0.02 --test-images 15 --image-size 128 \
    --out demo/detection
run "2. Train Faster R-CNN (ResNet-18, FPN) with the recipe $recipe, and export one ONNX file from picture to detections" \
    demo/detection-run/model.onnx $bin/lt-train run $recipe
say "3. What the file carries"
show $bin/lt-infer inspect demo/detection-run/model.onnx
say "4. The file's own self-test runs it"
show $bin/lt-infer verify demo/detection-run/model.onnx
run "5. Detect in the validation pictures, and draw what is found" demo/detection.db \
    $bin/lt-infer run demo/detection-run/model.onnx $data/val2017 --out demo/detection.db --annotate demo/detection-pictures
say "6. Evaluate by LVIS's rules: rare, common and frequent categories"
show $bin/lt-eval detection --gt $data/annotations/lvis_v1_val.json --results demo/detection.db --errors \
    --html demo/detection.html --thumbnails --images $data

cat <<'END'

== What to look at
  demo/detection.html            the report: AP by frequency, curves, the worst mistakes
  demo/detection-pictures        the validation pictures with their detections
  demo/detection-run/report.html curves of the training
  docs/detection-comparison.md   baseline, EQL and BACL at equal budget
(the tools are in .build/release)
END
