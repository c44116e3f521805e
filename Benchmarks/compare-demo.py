"""Reads the reports of compare-demo.sh.  compare-demo.py OUT best ARM... | compare-demo.py OUT table ARM...
best: each arm's learning rate with the greatest total mAP on the calibration split (seed 100).
table: mean (least-greatest) over the other seeds on the test split, as OUT/table.md and OUT/runs.csv."""
import csv
import json
import pathlib
import re
import sys

out, what, arms = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
runs = []
for path in sorted(out.glob("*/report-test.json")):
    arm, rate, seed = re.fullmatch(r"(.+)-lr(.+)-seed(\d+)", path.parent.name).groups()
    runs.append({
        "arm": arm, "lr": rate, "seed": int(seed), "test": json.loads(path.read_text()),
        "calibration": json.loads((path.parent / "report-calibration.json").read_text())})


def best(arm):
    tuned = [run for run in runs if run["arm"] == arm and run["seed"] == 100]
    return max(tuned, key=lambda run: run["calibration"]["mAP"]["total"])["lr"] if tuned else None


if what == "best":
    for arm in arms:
        if best(arm):
            print(arm, best(arm))
    sys.exit()

groups = ["head", "middle", "tail", "total"]
columns = [(f"mAP {g}", lambda r, g=g: r["mAP"][g]) for g in groups]
columns += [
    ("macro F1 at 0.5", lambda r: r["F1"]["at_0.5"]["macro"]["total"]),
    ("macro F1 at fitted", lambda r: r["F1"]["at_thresholds"]["macro"]["total"]),
    ("tail F1 at 0.5", lambda r: r["F1"]["at_0.5"]["macro"]["tail"]),
    ("tail F1 at fitted", lambda r: r["F1"]["at_thresholds"]["macro"]["tail"]),
    ("micro F1 at fitted", lambda r: r["F1"]["at_thresholds"]["micro"]["total"]),
]
with open(out / "runs.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["arm", "lr", "seed", "calibration mAP total"] + [name for name, _ in columns])
    for run in sorted(runs, key=lambda run: (arms.index(run["arm"]), float(run["lr"]), run["seed"])):
        writer.writerow([run["arm"], run["lr"], run["seed"], f"{100 * run['calibration']['mAP']['total']:.2f}"]
                        + [f"{100 * value(run['test']):.2f}" for _, value in columns])

lines = ["| arm | lr | " + " | ".join(name for name, _ in columns) + " |", "|---|---|" + "---|" * len(columns)]
for arm in arms:
    measured = [run["test"] for run in runs if run["arm"] == arm and run["lr"] == best(arm) and run["seed"] != 100]
    if not measured:
        continue
    cells = []
    for _, value in columns:
        values = [100 * value(report) for report in measured]
        cells.append(f"{sum(values) / len(values):.1f} ({min(values):.1f}–{max(values):.1f})")
    lines.append(f"| {arm} | {best(arm)} | " + " | ".join(cells) + " |")
(out / "table.md").write_text("\n".join(lines) + "\n")
