// Runs side by side: main values with differences from the first run, curves of all runs in one picture, class by class.

/** A difference with its sign in words for the eye and the ear: "+1.2 ▲". */
function difference(value, base, isShare, lowerIsBetter) {
    if (!isNumber(value) || !isNumber(base)) return null;
    const change = value - base;
    if (Math.abs(change) < 5e-7) return h("small", {}, "±0");
    const better = (change > 0) !== lowerIsBetter;
    const size = number(Math.abs(change), isShare, 2);
    return h("small", { class: better ? "better" : "worse" }, change > 0 ? `+${size} ▲` : `−${size} ▼`);
}

/** Whether less is better. */
const isLoss = (name, section = "") =>
    /^((D-)?ECE|MCE|NLL|Brier|hamming|ranking_loss|coverage)/i.test(name) || section.startsWith("error");

function comparison(runs) {
    const [first] = runs;
    const head = (column, k) =>
        h("th", { scope: "col", class: k === first.columns.length - 1 ? "total" : null }, groupLabel(column, k));
    return [
        h("div", { class: "card scroll" },
            h("table", { class: "runs" },
                h("thead", {}, h("tr", {}, ["metric", "run"].map((text) => h("th", { scope: "col", class: "left" }, text)),
                    first.columns.map(head))),
                headlineRows(first).map((row) => h("tbody", {}, comparedRows(runs, row)))),
            h("p", { class: "caption" },
                `Differences are from ${first.name}; ▲ and ▼ say up and down, the colour better and worse.`)),
        h("div", { class: "figures below" }, overlays(runs)),
        classByClass(runs),
    ];
}

/** One main value: a row per run, the title in front of the first. */
function comparedRows(runs, { row, title, section }) {
    const { columns } = runs[0];
    const at = (part, column) => part?.[section.name]?.[row.name]?.[column];
    const valueOf = (run, column) => at(run.report.metrics, column);
    function cell(run, column, k) {
        const interval = at(run.report.intervals?.metrics, column);
        return h("td", { class: k === columns.length - 1 ? "total" : null },
            number(valueOf(run, column), row.share, 2),
            interval && h("small", {}, range(interval, row.share, 2)),
            run !== runs[0]
                && difference(valueOf(run, column), valueOf(runs[0], column), row.share, isLoss(row.name, section.name)));
    }
    const lines = runs.map((run, k) => h("tr", {},
        h("th", { scope: "row", class: "left" }, swatch(runStyle(k)), run.name),
        columns.map((column, position) => cell(run, column, position))));
    lines[0].prepend(h("th", { scope: "rowgroup", rowspan: lines.length }, row.share ? `${title}, %` : title));
    return lines;
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
        const node = figure({
            title: own.title, kind: "lines", x: own.x ?? {}, y: own.y ?? {}, diagonal: own.diagonal,
            series: lines(names.at(-1)),
        });
        const choice = h("select",
            { "aria-label": `group of ${own.title}`, onchange: () => node.update({ series: lines(choice.value) }) },
            names.map((name) => h("option", { value: name, selected: name === names.at(-1) }, groupTitle(name))));
        node.querySelector("figcaption").append(h("div", { class: "controls noprint" }, choice));
        figures.push(node);
    }
    return figures;
}

/** Pairs of the same class in two runs: by id and name where both have them, else by position. */
function samePairs(a, b, key) {
    const name = (item, index) => (item.id ?? item.name) === undefined ? `#${index}` : `${item.id} ${item.name}`;
    const others = new Map(b.classes.map((item, index) => [name(item, index), item]));
    return a.classes
        .map((item, index) => ({ item, index, from: item[key], to: others.get(name(item, index))?.[key] }))
        .filter((pair) => isNumber(pair.from) && isNumber(pair.to))
        .map((pair) => ({ ...pair, change: pair.to - pair.from }));
}

/** One run against the first. */
function classByClass(runs) {
    const [first] = runs;
    const shares = (first.report.layout?.classes ?? [])
        .filter((column) => column.share && first.classes.some((item) => isNumber(item[column.key])));
    if (!shares.length) return null;
    const body = h("div");
    const options = (names) => names.map((name, k) => h("option", { value: k }, name));
    const metric = h("select", { "aria-label": "value", onchange: show }, options(shares.map((item) => item.title)));
    const other = h("select", { "aria-label": "run", onchange: show }, options(runs.slice(1).map((run) => run.name)));

    function show() {
        const column = shares[Number(metric.value)];
        const run = runs[1 + Number(other.value)];
        const pairs = samePairs(first, run, column.key).sort((a, b) => b.change - a.change || a.index - b.index);
        const up = pairs.filter((pair) => pair.change > 0);
        const down = pairs.filter((pair) => pair.change < 0).reverse();
        body.replaceChildren(h("div", { class: "pair" },
            pairChart(first, run, column, pairs),
            h("div", { class: "card scroll" },
                pairTable("Greatest gains", up.slice(0, 10), column), pairTable("Greatest losses", down.slice(0, 10), column),
                h("p", { class: "caption" },
                    `${count(up.length)} classes went up, ${count(down.length)} down, `,
                    `${count(pairs.length - up.length - down.length)} stayed.`))));
    }
    show();
    return h("div", {}, h("h3", { class: "below" }, "Class by class"),
        h("div", { class: "controls" },
            h("label", {}, "value ", metric),
            runs.length > 2 && h("label", {}, `${first.name} against `, other)),
        body);
}

function pairChart(first, run, column, pairs) {
    return figure({
        title: `${column.title} of each class`, kind: "points", diagonal: true,
        caption: `Above the diagonal: more in ${run.name}.`,
        x: { title: first.name, share: true, range: [0, 1] }, y: { title: run.name, share: true, range: [0, 1] },
        series: seriesByGroup(first, pairs.map(({ item, index, from, to }) => ({ item, index, x: from, y: to }))),
    });
}

function pairTable(title, pairs, column) {
    return h("table", {}, h("caption", {}, title),
        h("thead", {}, headRow(["class", "group", "from, %", "to, %", "change"], ["group"])),
        h("tbody", {}, pairs.map(({ item, index, from, to }) => h("tr", {},
            h("th", { scope: "row" }, className(item, index)),
            h("td", { class: "left" }, groupLabel(item.group ?? "total")),
            cells([number(from, true), number(to, true), difference(to, from, true, isLoss(column.key))])))));
}
