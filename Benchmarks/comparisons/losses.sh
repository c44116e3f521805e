# Single-label losses on a synthetic long-tailed set of 20 kinds (docs/loss-comparison.md): 200 to 4 training images a class.
recipe=models/synthetic-lt.yaml
arms="ce ce-balanced-sampling ce-effective-number class-balanced focal ldam-drw cdb-ce cdb-ce-dynamic eql softmax-eql bacl bacl-fhm ib ib-cb ib-focal balanced-softmax seesaw"
rates="0.1 0.3"
judged=accuracy.total
columns="accuracy head=accuracy.head,accuracy middle=accuracy.middle,accuracy tail=accuracy.tail,accuracy total=accuracy.total,macro F1=F1.total"
common=""
prepare() { [ -d demo/synthetic-lt ] || $train synth --format cifar100 --classes 20 --images 250 --test-images 50 --seed 7 --out demo/synthetic-lt; }
# What an arm changes in the recipe. Losses of two phases change half way, as in their papers.
settings() {
    case $1 in
    ce) echo "loss={name: softmax-ce}" ;;
    ce-balanced-sampling) printf '%s\n' "loss={name: softmax-ce}" "sampler={name: class-balanced}" ;;
    ce-effective-number) echo "loss={name: softmax-ce, weights: {rule: class-balanced, beta: 0.9999}}" ;;
    class-balanced) echo "loss={name: class-balanced, form: focal, beta: 0.9999, gamma: 1}" ;;
    focal) echo "loss={name: focal, gamma: 1}" ;;
    ldam-drw) printf '%s\n' "loss={name: ldam, weights: {rule: drw, epochs: 30}}" "network.classifier=cosine" ;;
    cdb-ce) printf '%s\n' "loss={name: cdb-ce, tau: 1.5}" "validate.every=1" ;;
    cdb-ce-dynamic) printf '%s\n' "loss={name: cdb-ce, tau: dynamic}" "validate.every=1" ;;
    eql) echo "loss={name: eql, lambda: 0.03}" ;;
    softmax-eql) echo "loss={name: softmax-eql, lambda: 0.03}" ;;
    bacl) echo "loss={name: bacl}" ;;
    bacl-fhm) echo "loss={name: bacl, hallucination: {}}" ;;
    ib) echo "loss={name: ib, start_epoch: 30, weights: inverse}" ;;
    ib-cb) echo "loss={name: ib, start_epoch: 30, weights: class-balanced}" ;;
    ib-focal) echo "loss={name: ib, start_epoch: 30, weights: inverse, focal: {gamma: 1}}" ;;
    balanced-softmax) echo "loss={name: balanced-softmax}" ;;
    seesaw) echo "loss={name: seesaw}" ;;
    esac
}
