// Runs side by side: main values with differences from the first run, class by class, curves of all runs in one picture.

/** Classes of two runs that are the same: by id and name where both have them, else by position. */
function sameClasses(a, b) {
    const key = (item, index) => (item.id !== undefined || item.name !== undefined ? `${item.id} ${item.name}` : `#${index}`);
    const others = new Map(b.classes.map((item, index) => [key(item, index), item]));
    return a.classes.map((item, index) => [item, others.get(key(item, index)), index]).filter((pair) => pair[1]);
}

/** A difference with its sign in words for the eye and the ear: "+1.2 ▲". */
function difference(value, base, isShare, lowerIsBetter) {
    if (!isNumber(value) || !isNumber(base)) return null;
    const change = value - base;
    if (Math.abs(change) < 5e-7) return h("small", {}, "±0");
    const better = (change > 0) !== lowerIsBetter;
    return h("small", { class: better ? "better" : "worse" }, `${change > 0 ? "+" : "−"}${number(Math.abs(change), isShare, 2)} ${change > 0 ? "▲" : "▼"}`);
}

const isLoss = (name) => /^(ECE|MCE|NLL|Brier|hamming|ranking_loss|coverage)/i.test(name);

function comparison(runs) {
    const [first] = runs;
    const rows = [];
    for (const { row, title, section } of headlineRows(first)) {
        const block = [];
        first.columns.forEach((column, position) => {
            const values = runs.map((run) => ({ value: run.report.metrics?.[section.name]?.[row.name]?.[column], interval: run.report.intervals?.metrics?.[section.name]?.[row.name]?.[column] }));
            if (!values.some((own) => isNumber(own.value))) return;
            block.push(h("tr", {}, h("th", { scope: "row", class: "left" }, groupLabel(column, position)),
                values.map((own, k) => h("td", {}, number(own.value, row.share, 2), own.interval && h("small", {}, range(own.interval, row.share, 2)),
                    k > 0 && difference(own.value, values[0].value, row.share, isLoss(row.name))))));
        });
        block[0]?.prepend(h("th", { scope: "rowgroup", rowspan: block.length }, row.share ? `${title}, %` : title));
        rows.push(...block);
    }
    const heads = runs.map((run, k) => h("th", { scope: "col" }, swatch(runStyle(k)), run.name));
    const table = h("div", { class: "card scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "metric"), h("th", { scope: "col", class: "left" }, "group"), heads)), h("tbody", {}, rows)),
        h("p", { class: "caption" }, `Differences are from ${first.name}; ▲ and ▼ say up and down, the colour better and worse.`));
    return [table, h("div", { class: "figures", style: { "margin-top": "12px" } }, overlays(runs)), changes(runs)];
}

/** Line figures that several runs have: the last series (the total) of each run, or another that is chosen. */
function overlays(runs) {
    const figures = [];
    for (const own of runs[0].report.figures ?? []) {
        const found = runs.map((run) => (run.report.figures ?? []).find((other) => other.name === own.name));
        if (own.kind !== "lines" || found.filter(Boolean).length < 2) continue;
        const names = (own.series ?? []).map((series) => series.name);
        const lines = (name) => runs.flatMap((run, k) => {
            const series = found[k]?.series?.find((item) => item.name === name);
            return series ? [{ ...series, name: `${k}`, title: run.name, x: series.x ?? [], style: runStyle(k) }] : [];
        });
        const node = figure({ title: own.title, kind: "lines", x: own.x ?? {}, y: own.y ?? {}, diagonal: own.diagonal, series: lines(names.at(-1)) });
        const choice = h("select", { "aria-label": `group of ${own.title}`, onchange: () => node.update({ series: lines(choice.value) }) },
            names.map((name) => h("option", { value: name, selected: name === names.at(-1) }, groupTitle(name))));
        node.querySelector("figcaption").append(h("div", { class: "controls noprint" }, choice));
        figures.push(node);
    }
    return figures;
}

/** One run against the first, class by class. */
function changes(runs) {
    const [first] = runs;
    const shares = (first.report.layout?.classes ?? []).filter((column) => column.share && first.classes.some((item) => isNumber(item[column.key])));
    if (!shares.length) return null;
    let other = runs[1];
    let [column] = shares;
    const body = h("div");
    const run = h("select", { "aria-label": "run", onchange() { other = runs[Number(run.value)]; show(); } }, runs.slice(1).map((item, k) => h("option", { value: k + 1 }, item.name)));
    const metric = h("select", { "aria-label": "value", onchange() { column = shares[Number(metric.value)]; show(); } }, shares.map((item, k) => h("option", { value: k }, item.title)));

    function show() {
        const pairs = sameClasses(first, other).map(([a, b, index]) => ({ item: a, index, from: a[column.key], to: b[column.key], change: b[column.key] - a[column.key] }))
            .filter((pair) => isNumber(pair.from) && isNumber(pair.to));
        const groups = new Map();
        for (const pair of pairs) {
            const name = pair.item.group ?? "total";
            if (!groups.has(name)) groups.set(name, { name, x: [], y: [], labels: [], keys: [], style: styleOf(name, first.columns.indexOf(name)) });
            const series = groups.get(name);
            series.x.push(pair.from);
            series.y.push(pair.to);
            series.labels.push(className(pair.item, pair.index));
            series.keys.push(pair.index);
        }
        const scatter = figure({ title: `${column.title} of each class`, kind: "points", x: { title: first.name, share: true, range: [0, 1] }, y: { title: other.name, share: true, range: [0, 1] },
            diagonal: true, caption: "Above the diagonal: better in the second run (for errors: worse).", series: [...groups.values()].sort((a, b) => first.columns.indexOf(a.name) - first.columns.indexOf(b.name)) });
        const sorted = [...pairs].sort((a, b) => b.change - a.change || a.index - b.index);
        const list = (title, some) => h("table", {}, h("caption", {}, title), h("thead", {}, h("tr", {}, ["class", "group", "from, %", "to, %", ""].map((text, k) => h("th", { scope: "col", class: k === 1 ? "left" : null }, text)))),
            h("tbody", {}, some.map((pair) => h("tr", {}, h("th", { scope: "row" }, className(pair.item, pair.index)), h("td", { class: "left" }, groupLabel(pair.item.group ?? "total")),
                h("td", {}, number(pair.from, true)), h("td", {}, number(pair.to, true)), h("td", {}, difference(pair.to, pair.from, true, isLoss(column.key)))))));
        const up = sorted.filter((pair) => pair.change > 0).slice(0, 10);
        const down = sorted.filter((pair) => pair.change < 0).slice(-10).reverse();
        body.replaceChildren(h("div", { class: "pair" }, scatter, h("div", { class: "card scroll" }, list("Greatest gains", up), list("Greatest losses", down),
            h("p", { class: "caption" }, `${count(sorted.filter((pair) => pair.change > 0).length)} classes went up, ${count(sorted.filter((pair) => pair.change < 0).length)} down, ${count(sorted.filter((pair) => pair.change === 0).length)} stayed.`))));
    }
    show();
    return h("div", {}, h("h3", { style: { margin: "18px 0 8px" } }, "Class by class"),
        h("div", { class: "controls" }, h("label", {}, "value ", metric), runs.length > 2 && h("label", {}, `${first.name} against `, run)), body);
}
