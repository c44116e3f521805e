"""LVIS average precision: `lt-eval detection` against hotcoco, on the same files, in turns.
Run: python Benchmarks/detection.py [--tool .build/release/lt-eval] [--data .bench/lvis] [--rounds 3] [--part all]
Prints wall time and peak memory: boxes at full LVIS size (19,809 images, 1,203 categories, 5.9 million detections) and at
1/8, 1/4 and 1/2 of it, masks of 2,000 images, and 200 bootstrap resamples at full size. Both read the JSON files.
Wanted: full boxes at most half of hotcoco's time and 60 % of its memory, masks half of its time; cost linear in size; the
bootstrap within 60 s on two cores; AP equal to 1e-12. Needs numpy, hotcoco, pycocotools (to draw masks)."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PEER = """
import sys, hotcoco
gt = hotcoco.COCO(sys.argv[1])
ev = hotcoco.COCOeval(gt, gt.load_res(sys.argv[2]), sys.argv[3], lvis_style=True)
ev.run()
print(repr(float(ev.get_results()["AP"])), file=sys.stderr)
"""


def drawn(folder, *arguments):
    """The number of detections in a folder, drawn if need be; by a process of its own, since a child's peak memory is at
    least what its parent held."""
    done = folder / "done"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        script = ROOT / "Benchmarks/lvis_like.py"
        done.write_text(subprocess.check_output([sys.executable, script, folder, *map(str, arguments)], text=True))
    return int(done.read_text())


def measure(command):
    """Wall seconds, peak MiB and the last line of standard error."""
    with tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        errors.seek(0)
        text = errors.read().strip()
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))} failed: {text}")
    return seconds, usage.ru_maxrss / 1024, text.splitlines()[-1] if text else ""


def compare(tool, folder, kind, rounds):
    """Medians of both, in turns; and that they agree."""
    gt, dt = folder / "gt.json", folder / f"dt_{kind}.json"
    ours, theirs = [], []
    command = [tool, "detection", "--gt", gt, "--results", dt, "--iou-type", kind]
    for _ in range(rounds):
        ours.append(measure(command))
        theirs.append(measure([sys.executable, "-c", PEER, gt, dt, kind]))
    report = folder / "report.json"
    whole = measure([*command, "--json", report])[0]
    difference = abs(json.loads(report.read_text())["AP"] - float(theirs[-1][2]))
    times = [statistics.median(run[0] for run in runs) for runs in (ours, theirs)]
    peaks = [max(run[1] for run in runs) for runs in (ours, theirs)]
    print(f"  ours {times[0]:7.2f} s {peaks[0]:7.0f} MiB   hotcoco {times[1]:7.2f} s {peaks[1]:7.0f} MiB   "
          f"time {times[0] / times[1]:.2f}  memory {peaks[0] / peaks[1]:.2f}   AP differs by {difference:.1e}   "
          f"with the JSON report {whole:.2f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default=str(ROOT / ".build/release/lt-eval"))
    parser.add_argument("--data", default=str(ROOT / ".bench/lvis"), type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--part", choices=["all", "boxes", "masks", "bootstrap"], default="all")
    options = parser.parse_args()
    full = options.data / "1-1"
    if options.part in ("all", "boxes"):
        for share in (8, 4, 2, 1):
            folder = options.data / f"1-{share}"
            count = drawn(folder, 19_809 // share, 1_203, 300)
            size = (folder / "dt_bbox.json").stat().st_size / 1e6
            print(f"boxes, {19_809 // share} images, {count} detections, {size:.0f} MB")
            compare(options.tool, folder, "bbox", options.rounds)
    if options.part in ("all", "masks"):
        folder = options.data / "masks"
        print(f"masks, 2000 images, {drawn(folder, 2_000, 400, 300, 'masks')} detections")
        compare(options.tool, folder, "segm", options.rounds)
    if options.part in ("all", "bootstrap") and (full / "done").exists():
        seconds, peak, _ = measure([
            options.tool, "detection", "--gt", full / "gt.json", "--results", full / "dt_bbox.json", "--bootstrap", "200"])
        print(f"boxes at full size with 200 bootstrap resamples: {seconds:.1f} s, {peak:.0f} MiB")


if __name__ == "__main__":
    main()
