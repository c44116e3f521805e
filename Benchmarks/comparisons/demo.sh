# Multi-label losses on the demonstration's data (docs/demo-comparison.md).
recipe=models/demo-multilabel-db.yaml
arms="bce-uniform bce-aware r-bce r-bce-ntr r-bce-focal db focal-aware cb-focal asymmetric"
rates="0.005 0.01 0.02 0.05"
judged=mAP.total
columns="mAP head=mAP.head,mAP middle=mAP.middle,mAP tail=mAP.tail,mAP total=mAP.total,\
macro F1 at 0.5=F1.at_0~5.macro.total,macro F1 at fitted=F1.at_thresholds.macro.total,\
tail F1 at 0.5=F1.at_0~5.macro.tail,tail F1 at fitted=F1.at_thresholds.macro.tail,micro F1 at fitted=F1.at_thresholds.micro.total"
common="validate={calibrate_on: calibration, calibration: {annotations: demo/data/annotations/calibration.json, images: demo/data/calibration}, test: {annotations: demo/data/annotations/test.json, images: demo/data/test}}"
prepare() { [ -d demo/data ] || $train synth --out demo/data; }
# What an arm changes in the recipe.
settings() {
    case $1 in
    bce-uniform) printf '%s\n' "loss={name: bce}" "sampler={name: uniform}" ;;
    bce-aware) echo "loss={name: bce}" ;;
    r-bce) echo "loss={name: distribution-balanced, logit_reg: {}, focal: {on: false}}" ;;
    r-bce-ntr) echo "loss={name: distribution-balanced, focal: {on: false}}" ;;
    r-bce-focal) echo "loss={name: distribution-balanced, logit_reg: {}}" ;;
    db) echo "loss={name: distribution-balanced}" ;;
    focal-aware) echo "loss={name: sigmoid-focal}" ;;
    cb-focal) echo "loss={name: distribution-balanced, reweight_func: CB, logit_reg: {}}" ;;
    asymmetric) echo "loss={name: asymmetric}" ;;
    esac
}
