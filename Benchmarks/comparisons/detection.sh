# Detectors of EQL and BACL and their baseline on a drawn long-tailed set (docs/detection-comparison.md), equal budget: the
# second stage of BACL takes half of it.
recipe=models/synthetic-detection.yaml
arms="softmax eql eql-resampling bacl"
rates="0.001"
seeds="1 2"
judged=metrics.detection.AP.total
columns="AP=metrics.detection.AP.total,APr=metrics.detection.AP.r,APc=metrics.detection.AP.c,APf=metrics.detection.AP.f,\
AP50=metrics.detection.AP50.total,AP50r=metrics.detection.AP50.r,AP50c=metrics.detection.AP50.c,AP50f=metrics.detection.AP50.f"
common=""
prepare() { [ -d demo/shapes ] || $train synth --task detection --out demo/shapes; }
# Half of the recipe's iterations.
half=500
export half
bacl="network.classifier=bacl"
export bacl
first() { [ "$1" != bacl ] || printf '%s\n' "$bacl" "loss={name: bce, average: rows}" "iterations=$half"; }
# What an arm changes in the recipe. Classes with fewer than 100 of the 3,755 images are EQL's tail, as in LVIS v0.5; the threshold
# of resampling is as far above the rarest class as there.
settings() {
    case $1 in
    softmax) ;;
    eql) printf '%s\n' "network.classifier=eql" "loss={name: eql, lambda: 0.0266}" ;;
    eql-resampling)
        settings eql
        echo "sampler={name: repeat-factor, threshold: 0.015}"
        ;;
    bacl)
        printf '%s\n' "$bacl" "loss={name: bacl, alpha: 0.85, prob_thr: 0.7, hallucination: {sampled_num_features: 12}}" \
            "freeze={parameters: ['backbone.*', 'roi_heads.box_head.*'], batch_norm: true}" "iterations=$half"
        ;;
    esac
}
