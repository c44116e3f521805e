"""Evaluation of long-tailed classification against scikit-learn in the same run: mAP over images × classes (average
precision of every class), and the whole report of `lt-eval classification`. Scores and labels are drawn, seeded; both
sides start from arrays on the disk or in memory as they take them, and the largest difference of an AP is printed.

Run: python Benchmarks/classification.py [IMAGES [CLASSES]] (default 100000 1203)
Needs .build/release/lt-eval, numpy, scikit-learn.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import sklearn
from sklearn.metrics import average_precision_score

TOOL = pathlib.Path(__file__).resolve().parents[1] / ".build/release/lt-eval"


def draw(images, classes):
    """Logits and labels; class frequencies fall from 5 % to one image in 50,000, as LVIS' do."""
    rng = np.random.default_rng(0)
    share = np.exp(np.linspace(np.log(0.05), np.log(2e-5), classes))
    labels = np.empty((images, classes), np.uint8)
    scores = np.empty((images, classes), np.float32)
    for start in range(0, images, 4096):
        own = slice(start, min(start + 4096, images))
        rows = own.stop - own.start
        labels[own] = rng.random((rows, classes)) < share
        scores[own] = rng.normal(-4, 2, (rows, classes)) + 3 * labels[own]
    return scores, labels, np.maximum(1, (share * 20000).astype(np.int64))


def run(*arguments):
    """Seconds and peak MiB of lt-eval."""
    before = time.perf_counter()
    process = subprocess.Popen([TOOL, "classification", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - before
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"lt-eval ended with {process.returncode}")
    return seconds, usage.ru_maxrss / 1024


def main():
    images, classes = (int(a) for a in (sys.argv[1:] + ["100000", "1203"][len(sys.argv) - 1:]))
    scores, labels, counts = draw(images, classes)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        names = [os.path.join(folder, name) for name in ("scores.npy", "labels.npy", "counts.npy", "report.json")]
        for name, array in zip(names, (scores, labels, counts)):
            np.save(name, array)
        common = ["--scores", names[0], "--labels", names[1], "--train-counts", names[2], "--groups", "lvis"]
        run(*common, "--metrics", "mAP")  # the files are in memory from here on, for both
        ours, memory = min(run(*common, "--metrics", "mAP") for _ in range(3))
        digested, _ = run(*common, "--metrics", "mAP", "--json", names[3])
        report = json.load(open(names[3]))
        whole, whole_memory = run(*common)
        figures, figures_memory = run(*common, "--json", names[3])

    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = average_precision_score(labels, scores, average=None)
    peer = time.perf_counter() - start
    difference = max(abs(c["AP"] - t) for c, t in zip(report["classes"], theirs))
    megabytes = (scores.nbytes + labels.nbytes) / 2**20
    print(f"{images:,} images × {classes:,} classes, float32 and uint8: {megabytes:.0f} MiB; scikit-learn {sklearn.__version__}")
    print(f"mAP, with reading: lt-eval {ours:.2f} s, with JSON and digests {digested:.2f} s (peak {memory:.0f} MiB), scikit-learn {peer:.2f} s "
          f"(arrays in memory): ratio {peer / ours:.1f}; greatest difference of an AP {difference:.1e}")
    print(f"whole report, text: {whole:.2f} s, peak {whole_memory:.0f} MiB; with figures as JSON: {figures:.2f} s, "
          f"peak {figures_memory:.0f} MiB")


main()
