"""Reads the reports of compare.sh.  compare.py OUT best|table JUDGED COLUMNS ARM...
JUDGED: the path of the figure that chooses the learning rate, as mAP.total (~ stands for a dot inside a key).
COLUMNS: "title=path,...".
best: each arm's learning rate with the greatest figure on the calibration split (seed 100), or its only one.
table: mean (least-greatest) over the other seeds on the test split, as OUT/table.md and OUT/runs.csv."""
import csv
import json
import pathlib
import re
import sys

out, what, judged, arms = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[5:]
columns = [column.rsplit("=", 1) for column in sys.argv[4].split(",")]
runs = []
for path in sorted(out.glob("*/report-test.json")):
    name = re.fullmatch(r"(.+)-lr(.+)-seed(\d+)", path.parent.name)
    if not name:
        continue
    calibration = path.parent / "report-calibration.json"
    runs.append({
        "arm": name[1], "lr": name[2], "seed": int(name[3]), "test": json.loads(path.read_text()),
        "calibration": json.loads(calibration.read_text()) if calibration.exists() else None})


def value(report, path):
    for key in path.split("."):
        report = report[key.replace("~", ".")]
    return report


def best(arm):
    rates = {run["lr"] for run in runs if run["arm"] == arm}
    if len(rates) == 1:
        return rates.pop()
    tuned = [run for run in runs if run["arm"] == arm and run["seed"] == 100]
    return max(tuned, key=lambda run: value(run["calibration"], judged))["lr"] if tuned else None


if what == "best":
    for arm in arms:
        if best(arm):
            print(arm, best(arm))
    sys.exit()

with open(out / "runs.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["arm", "lr", "seed", f"calibration {judged}"] + [name for name, _ in columns])
    for run in sorted(runs, key=lambda run: (arms.index(run["arm"]), float(run["lr"]), run["seed"])):
        calibration = run["calibration"]
        writer.writerow([run["arm"], run["lr"], run["seed"], f"{100 * value(calibration, judged):.2f}" if calibration else ""]
                        + [f"{100 * value(run['test'], path):.2f}" for _, path in columns])

lines = ["| arm | lr | " + " | ".join(name for name, _ in columns) + " |", "|---|---|" + "---|" * len(columns)]
for arm in arms:
    measured = [run["test"] for run in runs if run["arm"] == arm and run["lr"] == best(arm) and run["seed"] != 100]
    if not measured:
        continue
    cells = []
    for _, path in columns:
        values = [100 * value(report, path) for report in measured]
        cells.append(f"{sum(values) / len(values):.1f} ({min(values):.1f}–{max(values):.1f})")
    lines.append(f"| {arm} | {best(arm)} | " + " | ".join(cells) + " |")
(out / "table.md").write_text("\n".join(lines) + "\n")
