// Figures: a chart in its card, with legend, tooltip, keyboard and its data as a table; redrawn when its width changes.

/** @returns the <figure>: `update(changes)` draws again with other data, `fit()` draws at once when it has its place. */
function figure(chart) {
    const hidden = new Set();
    const canvas = h("div", { class: "canvas" });
    const legend = h("div", { class: "legend" });
    const table = h("details", { class: "noprint" }, h("summary", {}, "data"));
    table.addEventListener("toggle", () => {
        if (table.open) table.replaceChildren(table.firstChild, dataTable(chart));
    });
    const node = h("figure", { class: "card" },
        h("figcaption", {}, h("h3", {}, chart.title), chart.caption && h("p", { class: "caption" }, chart.caption)),
        legend, canvas, chart.kind !== "points" && table);
    let width = 0;

    function legendEntry(series) {
        const isShown = !hidden.has(series.name);
        function press() {
            // One series always stays.
            if (!isShown) hidden.delete(series.name);
            else if (hidden.size < chart.series.length - 1) hidden.add(series.name);
            fillLegend();
            draw();
        }
        return h("button",
            { class: "plain", type: "button", "aria-pressed": String(isShown), title: "show or hide", onclick: press },
            swatch(series.style), seriesTitle(series));
    }

    function fillLegend() {
        legend.replaceChildren(...(chart.series.length > 1 ? chart.series.map(legendEntry) : []));
    }

    function draw() {
        if (width < 80) return;
        const { root, marks, box } = plot(chart, width, hidden);
        canvas.replaceChildren(root);
        interact(root, marks, box, chart);
    }

    node.fit = () => {
        const next = Math.floor(canvas.clientWidth);
        if (Math.abs(next - width) < 2) return;
        width = next;
        draw();
    };
    new ResizeObserver(() => requestAnimationFrame(node.fit)).observe(canvas);
    fillLegend();
    node.update = (changes) => {
        const names = chart.series.map((series) => series.name).join();
        Object.assign(chart, changes);
        if (chart.series.map((series) => series.name).join() !== names) fillLegend();
        draw();
    };
    return node;
}

/** Pointer and arrow keys find the marks. */
function interact(root, marks, box, chart) {
    let current = -1;
    const ring = s("circle", { class: "hover", r: 6, visibility: "hidden" });
    const line = s("line", { class: "axis", y1: box.top, y2: box.bottom, visibility: "hidden" });
    root.append(line, ring);
    const order = marks.map((_, k) => k).sort((a, b) => marks[a].x - marks[b].x || marks[a].y - marks[b].y);
    function point(position) {
        current = position;
        const mark = marks[position];
        const node = marks.crosshair ? line : ring;
        node.setAttribute("visibility", mark ? "visible" : "hidden");
        if (!mark) { tooltip.hide(); return; }
        const places = marks.crosshair ? { x1: mark.x, x2: mark.x } : { cx: mark.x, cy: mark.y };
        for (const [key, value] of Object.entries(places)) node.setAttribute(key, value);
        const frame = root.getBoundingClientRect();
        const zoom = frame.width / root.viewBox.baseVal.width;
        tooltip.show(frame.left + mark.x * zoom, frame.top + mark.y * zoom, mark.title, mark.rows);
    }
    function nearest(event) {
        const frame = root.getBoundingClientRect();
        const zoom = root.viewBox.baseVal.width / frame.width;
        const [x, y] = [(event.clientX - frame.left) * zoom, (event.clientY - frame.top) * zoom];
        const across = marks.rows ? 0 : 1;
        const down = marks.crosshair ? 0 : 1;
        let best = across && down ? 26 ** 2 : Infinity;
        let found = -1;
        marks.forEach((mark, k) => {
            const distance = across * (mark.x - x) ** 2 + down * (mark.y - y) ** 2;
            if (distance < best) [best, found] = [distance, k];
        });
        return found;
    }
    root.addEventListener("pointermove", (event) => point(nearest(event)));
    root.addEventListener("pointerleave", () => point(-1));
    root.addEventListener("blur", () => point(-1));
    if (chart.onselect) {
        root.style.cursor = "pointer";
        const select = () => { if (marks[current]?.key !== undefined) chart.onselect(marks[current].key); };
        root.addEventListener("click", (event) => { point(nearest(event)); select(); });
        root.addEventListener("keydown", (event) => { if (event.key === "Enter") select(); });
    }
    root.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (event.key === "Escape") point(-1);
        if (!step || !marks.length) return;
        event.preventDefault();
        const rank = order.indexOf(current);
        point(order[(rank < 0 ? (step > 0 ? 0 : order.length - 1) : rank + step + order.length) % order.length]);
        const mark = marks[current];
        say([mark.title, ...mark.rows.map((row) => row.join(" "))].join(", "));
    });
}

/** The chart's numbers. */
function dataTable(chart) {
    const hasCounts = chart.series.some((series) => series.counts);
    const titles = ["series", axisTitle(chart.x), axisTitle(chart.y), ...(hasCounts ? ["pairs"] : [])];
    const rows = chart.series.flatMap((series) => series.y.map((value, k) => [
        seriesTitle(series), chart.labels?.[k] ?? number(series.x[k], chart.x.share), number(value, chart.y.share, 2),
        ...(hasCounts ? [count(series.counts?.[k])] : []),
    ]));
    return h("div", { class: "scroll" },
        h("table", {}, h("thead", {}, headRow(titles)), h("tbody", {}, rows.map((row) => h("tr", {}, cells(row))))));
}

/** Points of classes as one series per group, in the order of the columns. `points` are {item, index, x, y}. */
function seriesByGroup(run, points) {
    const groups = new Map();
    for (const { item, index, x, y } of points) {
        if (!isNumber(x) || !isNumber(y)) continue;
        const name = item.group ?? "total";
        const style = styleOf(name, run.columns.indexOf(name));
        if (!groups.has(name)) groups.set(name, { name, style, x: [], y: [], labels: [], keys: [] });
        const series = groups.get(name);
        series.x.push(x);
        series.y.push(y);
        series.labels.push(className(item, index));
        series.keys.push(index);
    }
    const rank = (series) => run.columns.indexOf(series.name);
    return [...groups.values()].sort((a, b) => rank(a) - rank(b));
}

/** A figure of a report as a chart; without series where there is nothing to draw. */
function chartOf(own, run, onselect) {
    const { title, kind, x = {}, y = {}, diagonal, marker, caption = "", labels } = own;
    const chart = { title, kind, x, y, diagonal, marker, caption, labels, series: [] };
    if (kind === "classes") {
        const points = run.classes.map((item, index) => ({ item, index, x: item[own.x_key], y: item[own.y_key] }));
        const hint = "Dashes: mean of the group. Select a mark to find its class below.";
        Object.assign(chart, { kind: "points", means: true, onselect, caption: `${caption} ${hint}` });
        chart.series = seriesByGroup(run, points);
    } else if (["lines", "histogram", "bars"].includes(kind)) {
        chart.series = (own.series ?? []).map((series, position) =>
            ({ ...series, x: series.x ?? [], style: styleOf(series.group ?? series.name, position) }));
    }
    return chart;
}
