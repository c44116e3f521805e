// The threshold explorer: precision, recall, F1 and counts when scores ≥ t are decided, for all classes, a group or one
// class. Counts are exact at the thresholds that the report has; the slider moves over these.

/** Precision and recall (null for 0/0) and F1 (0/0 is 0, as in the metrics) of counts. */
function decisionRates({ hits, predicted, positives }) {
    const ratio = (a, b, otherwise) => (b > 0 ? a / b : otherwise);
    return {
        precision: ratio(hits, predicted, null), recall: ratio(hits, positives, null),
        f1: ratio(2 * hits, predicted + positives, 0),
    };
}

/** Counts at every threshold over some classes: pooled, with the mean of their F1 (`macro`). */
function pooled(curves, thresholds, members) {
    return thresholds.map((_, k) => {
        const sum = { hits: 0, predicted: 0, positives: 0, macro: 0 };
        for (const index of members) {
            const own = countsAt(curves[index], k);
            sum.hits += own.hits;
            sum.predicted += own.predicted;
            sum.positives += own.positives;
            sum.macro += decisionRates(own).f1 / members.length;
        }
        return { ...sum, ...decisionRates(sum) };
    });
}

const countsAt = (curve, k) => ({
    hits: curve.true_positives?.[k] ?? 0, predicted: curve.predicted?.[k] ?? 0, positives: curve.positives ?? 0,
});

/** The mean over classes of the best F1 of each: what thresholds per class can gain, on these very images. */
function bestOwn(curves, thresholds, members) {
    let sum = 0;
    for (const index of members) {
        sum += Math.max(...thresholds.map((_, k) => decisionRates(countsAt(curves[index], k)).f1));
    }
    return sum / members.length;
}

/** @returns {node, select(index)}, or null where the report has no curves. */
function thresholdExplorer(run) {
    const { thresholds = [], classes: curves = [] } = run.report.threshold_curves ?? {};
    if (!thresholds.length || !curves.length) return null;
    const label = (item, index) => `${className(item, index)} (${item?.id === undefined ? index : `id ${item.id}`})`;
    const labels = curves.map((_, index) => label(run.classes[index], index));
    const scopeOf = (name, title, members, item) => ({
        name, title, members, item, points: pooled(curves, thresholds, members), own: bestOwn(curves, thresholds, members),
    });
    const everyClass = curves.map((_, index) => index);
    const scopes = [scopeOf("total", "all classes", everyClass)];
    for (const name of run.columns) {
        const members = everyClass.filter((index) => run.classes[index]?.group === name);
        if (members.length) scopes.push(scopeOf(name, groupTitle(name), members));
    }
    let scope = scopes[0];
    let position = Math.max(0, thresholds.indexOf(0.5));

    const slider = h("input", {
        type: "range", min: 0, max: thresholds.length - 1, step: 1, "aria-label": "threshold",
        oninput: () => move(Number(slider.value)),
    });
    const exact = h("input", {
        type: "number", min: 0, max: 1, step: "any", "aria-label": "threshold as a number", class: "short",
        onchange() {
            const distance = (k) => Math.abs(thresholds[k] - Number(exact.value));
            move(thresholds.reduce((best, _, k) => (distance(k) < distance(best) ? k : best), 0));
        },
    });
    const jump = (key, text) => h("button", {
        type: "button",
        onclick: () => move(scope.points.reduce((best, point, k, all) => (point[key] > all[best][key] + 1e-12 ? k : best), 0)),
    }, text);
    const select = h("select", {
        "aria-label": "classes",
        onchange() {
            scope = scopes[Number(select.value)];
            input.value = "";
            update();
        },
    });
    const names = h("datalist", { id: `names-${run.position}` }, labels.map((value) => h("option", { value })));
    const byLabel = new Map(labels.map((text, index) => [text, index]));
    const input = h("input", {
        type: "search", list: names.id, placeholder: "one class …", "aria-label": "one class",
        onchange() { if (byLabel.has(input.value)) choose(byLabel.get(input.value)); },
    });
    const title = h("h3");
    const numbers = h("div", { class: "numbers" });
    const rows = h("tbody");
    const chart = figure({
        title: "Over all thresholds", kind: "lines", x: { title: "threshold", range: [0, 1] },
        y: { title: "rate", share: true, range: [0, 1] }, series: [],
    });

    function move(to) {
        position = to;
        update();
    }

    function choose(index) {
        if (scopes.at(-1).name === "class") scopes.pop();
        scope = scopeOf("class", labels[index], [index], run.classes[index]);
        scopes.push(scope);
        input.value = labels[index];
        update();
    }

    function tableRow(item) {
        const { positives, predicted, hits, precision, recall, f1, macro } = item.points[position];
        const name = item.name === "class" ? item.title : groupLabel(item.name, run.columns.indexOf(item.name));
        return h("tr", {}, h("th", { scope: "row" }, name), cells([
            count(positives), count(predicted), count(hits), number(precision, true), number(recall, true),
            number(f1, true), number(macro, true), number(item.own, true),
        ]));
    }

    function update() {
        const point = scope.points[position];
        const fitted = isNumber(scope.item?.threshold) ? `, fitted ${number(scope.item.threshold)}` : "";
        slider.value = position;
        slider.setAttribute("aria-valuetext", String(thresholds[position]));
        exact.value = thresholds[position];
        select.replaceChildren(...scopes.map((item, k) => h("option", { value: k, selected: item === scope }, item.title)));
        title.textContent = `${scope.title} at ${thresholds[position]}${fitted}`;
        const shown = [
            ["precision, %", number(point.precision, true)], ["recall, %", number(point.recall, true)],
            ["F1, %", number(point.f1, true)], ["right (TP)", count(point.hits)],
            ["false alarms (FP)", count(point.predicted - point.hits)], ["missed (FN)", count(point.positives - point.hits)],
        ];
        numbers.replaceChildren(...shown.map(([text, value]) => h("div", {}, h("b", {}, value), text)));
        const lines = [["precision", "precision"], ["recall", "recall"], ["f1", "F1"]];
        if (scope.members.length > 1) lines.push(["macro", "F1, mean over classes"]);
        chart.update({
            marker: thresholds[position],
            series: lines.map(([key, text], k) => ({
                name: key, title: text, style: runStyle(k), x: thresholds, y: scope.points.map((item) => item[key]),
            })),
        });
        rows.replaceChildren(...scopes.map(tableRow));
    }

    update();
    const titles = [
        "group", "to find", "decided", "right", "precision, %", "recall, %", "F1, %", "mean F1, %",
        "mean F1, own thresholds, %",
    ];
    const node = h("div", {},
        h("div", { class: "explorer" },
            h("div", { class: "card" },
                h("div", { class: "controls" }, h("label", {}, "for ", select), h("div", { class: "grow" }, input, names)),
                title, numbers,
                h("div", { class: "controls" },
                    h("label", {}, "threshold ", exact), jump("f1", "best F1"), jump("macro", "best mean F1")),
                slider),
            chart),
        h("div", { class: "card scroll below" },
            h("table", {}, h("thead", {}, headRow(titles)), rows),
            h("p", { class: "caption" },
                "Pooled over the classes of a row; mean F1 counts every class alike. “Own thresholds” gives each class the ",
                "threshold that is best on these very images: an upper bound for fitted ones.")));
    return { node, select: choose };
}
