// The threshold explorer: precision, recall, F1 and counts when scores ≥ t are decided, for all classes, a group or one
// class. Counts are exact at the thresholds that the report has; the slider moves over these.

/** Precision and recall (null for 0/0) and F1 (0/0 is 0, as in the metrics) of counts. */
function decisionRates({ hits, predicted, positives }) {
    const ratio = (a, b, otherwise) => (b > 0 ? a / b : otherwise);
    return { precision: ratio(hits, predicted, null), recall: ratio(hits, positives, null), f1: ratio(2 * hits, predicted + positives, 0) };
}

/** @returns {node, select(index)} or null where the report has no curves. */
function thresholdExplorer(run) {
    const source = run.report.threshold_curves;
    const thresholds = source?.thresholds ?? [];
    const curves = source?.classes ?? [];
    if (!thresholds.length || !curves.length) return null;
    const at = (curve, k) => ({ hits: curve.true_positives?.[k] ?? 0, predicted: curve.predicted?.[k] ?? 0, positives: curve.positives ?? 0 });

    /** Sums and class means over some classes, at every threshold. */
    function pool(members) {
        return thresholds.map((_, k) => {
            const sum = { hits: 0, predicted: 0, positives: 0, macro: 0, classes: members.length };
            for (const index of members) {
                const own = at(curves[index], k);
                sum.hits += own.hits;
                sum.predicted += own.predicted;
                sum.positives += own.positives;
                sum.macro += decisionRates(own).f1;
            }
            sum.macro /= Math.max(members.length, 1);
            return { ...sum, ...decisionRates(sum) };
        });
    }
    const all = curves.map((_, index) => index);
    const scopes = [{ name: "total", title: "all classes", members: all }];
    for (const name of run.columns) {
        const members = all.filter((index) => run.classes[index]?.group === name);
        if (members.length) scopes.push({ name, title: groupTitle(name), members });
    }
    for (const scope of scopes) scope.pool = pool(scope.members);
    // Each class at its own best threshold: what per-class thresholds can gain, on these very images.
    const own = (members) => {
        let sum = 0;
        for (const index of members) {
            let best = 0;
            thresholds.forEach((_, k) => { best = Math.max(best, decisionRates(at(curves[index], k)).f1); });
            sum += best;
        }
        return sum / Math.max(members.length, 1);
    };
    for (const scope of scopes) scope.own = own(scope.members);

    let scope = scopes[0];
    let position = Math.max(0, thresholds.indexOf(0.5));
    const best = (key) => scope.pool.reduce((top, point, k) => (point[key] > scope.pool[top][key] + 1e-12 ? k : top), 0);

    const slider = h("input", { type: "range", min: 0, max: thresholds.length - 1, step: 1, "aria-label": "threshold", oninput() { position = Number(slider.value); update(); } });
    const exact = h("input", { type: "number", min: 0, max: 1, step: "any", "aria-label": "threshold as a number", style: { width: "6.5em" },
        onchange() {
            const wanted = Number(exact.value);
            position = thresholds.reduce((top, value, k) => (Math.abs(value - wanted) < Math.abs(thresholds[top] - wanted) ? k : top), 0);
            update();
        } });
    const numbers = h("div", { class: "numbers" });
    const title = h("h3");
    const rows = h("tbody");
    const select = h("select", { "aria-label": "classes", onchange() { scope = scopes[Number(select.value)]; input.value = ""; update(); } });
    const names = h("datalist", { id: `names-${run.position}` });
    const labels = run.classes.map((item, index) => `${className(item, index)} (${item.id === undefined ? index : `id ${item.id}`})`);
    const byLabel = new Map(labels.map((label, index) => [label, index]));
    names.append(...labels.map((label) => h("option", { value: label })));
    const input = h("input", { type: "search", list: names.id, placeholder: "one class …", "aria-label": "one class",
        onchange() { const index = byLabel.get(input.value); if (index !== undefined) choose(index); } });
    const chart = figure({ title: "Over all thresholds", kind: "lines", x: { title: "threshold", range: [0, 1] }, y: { title: "rate", share: true, range: [0, 1] }, series: [] });

    function refreshOptions() {
        select.replaceChildren(...scopes.map((item, k) => h("option", { value: k, selected: item === scope }, item.title)));
    }

    function choose(index) {
        const single = { name: "class", title: labels[index], members: [index], pool: pool([index]), own: own([index]), item: run.classes[index] };
        if (scopes.at(-1).name === "class") scopes.pop();
        scopes.push(single);
        scope = single;
        input.value = labels[index];
        refreshOptions();
        update();
    }

    function update() {
        const point = scope.pool[position];
        slider.value = position;
        slider.setAttribute("aria-valuetext", String(thresholds[position]));
        exact.value = thresholds[position];
        const fitted = scope.item?.threshold;
        title.textContent = `${scope.title} at ${thresholds[position]}${isNumber(fitted) ? `, fitted ${number(fitted)}` : ""}`;
        numbers.replaceChildren(...[
            ["precision, %", number(point.precision, true)], ["recall, %", number(point.recall, true)], ["F1, %", number(point.f1, true)],
            ["right (TP)", count(point.hits)], ["false alarms (FP)", count(point.predicted - point.hits)], ["missed (FN)", count(point.positives - point.hits)],
        ].map(([label, text]) => h("div", {}, h("b", {}, text), label)));
        const style = (k) => runStyle(k);
        const series = [["precision", "precision"], ["recall", "recall"], ["f1", "F1"], ...(scope.members.length > 1 ? [["macro", "F1, mean over classes"]] : [])]
            .map(([key, name], k) => ({ name: key, title: name, style: style(k), x: thresholds, y: scope.pool.map((item) => item[key]) }));
        chart.update({ series, marker: thresholds[position], title: "Over all thresholds" });
        rows.replaceChildren(...scopes.map((item) => {
            const here = item.pool[position];
            return h("tr", {}, h("th", { scope: "row" }, item.name === "class" ? item.title : groupLabel(item.name, run.columns.indexOf(item.name))),
                [count(here.positives), count(here.predicted), count(here.hits), number(here.precision, true), number(here.recall, true), number(here.f1, true), number(here.macro, true), number(item.own, true)]
                    .map((text) => h("td", {}, text)));
        }));
    }

    refreshOptions();
    const jump = (key, text) => h("button", { type: "button", onclick() { position = best(key); update(); } }, text);
    const node = h("div", {}, h("div", { class: "explorer" },
        h("div", { class: "card" },
            h("div", { class: "controls" }, h("label", {}, "for ", select), h("div", { class: "grow" }, input, names)),
            title, numbers,
            h("div", { class: "controls" }, h("label", {}, "threshold ", exact), jump("f1", "best F1"), jump("macro", "best mean F1")),
            slider),
        chart),
    h("div", { class: "card scroll", style: { "margin-top": "12px" } }, h("table", {},
        h("thead", {}, h("tr", {}, ["group", "to find", "decided", "right", "precision, %", "recall, %", "F1, %", "mean F1, %", "mean F1, own thresholds, %"].map((text) => h("th", { scope: "col" }, text)))), rows),
    h("p", { class: "caption" }, "Pooled over the classes of a row; mean F1 counts every class alike. “Own thresholds” gives each class the threshold that is best on these very images: an upper bound for fitted ones.")));
    update();
    return { node, select: choose };
}
