// Charts in SVG: lines, points, stacked histograms, bars; axes with units, legend, tooltip, keyboard, data as a table.
// A chart is {title, caption, kind, x, y, series, diagonal, labels, marker, means, onselect}; an axis {title, share, log,
// range}; a series {name, title, style, x, y, counts, labels, keys}.

const tooltip = {
    node: document.getElementById("tooltip"),
    show(x, y, title, rows) {
        this.node.replaceChildren(title ? h("b", {}, title) : "", ...rows.map(([name, value]) =>
            h("div", {}, h("span", {}, name), h("span", {}, value))));
        this.node.hidden = false;
        const box = this.node.getBoundingClientRect();
        const left = x + 14 + box.width > innerWidth ? x - box.width - 14 : x + 14;
        const top = Math.min(Math.max(y - box.height / 2, 4), innerHeight - box.height - 4);
        this.node.style.left = `${Math.max(4, left)}px`;
        this.node.style.top = `${top}px`;
    },
    hide() { this.node.hidden = true; },
};

/** Ticks at 1, 2 or 5 times a power of ten. */
function linearTicks(low, high, wanted) {
    const raw = (high - low) / Math.max(wanted, 1);
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999) * power;
    const ticks = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(k * step);
    return ticks;
}

/** Ticks at 1, 2 or 5 times powers of ten; at the powers alone where these are too many. */
function logTicks(low, high, wanted) {
    const all = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high * 1.001; power++) {
        all.push([1, 2, 5].map((factor) => factor * 10 ** power));
    }
    const fits = (tick) => tick >= low * 0.999 && tick <= high * 1.001;
    const fine = all.flat().filter(fits);
    return fine.length <= wanted ? fine : all.map(([power]) => power).filter(fits);
}

/** Position of a value on an axis from pixel a to pixel b. */
function makeScale(axis, values, a, b, wanted) {
    const known = values.filter(isNumber);
    let low = Infinity;
    let high = -Infinity;
    for (const value of known) { low = Math.min(low, value); high = Math.max(high, value); }
    if (axis.range) [low, high] = axis.range;
    if (!(low <= high)) [low, high] = [axis.log ? 1 : 0, axis.log ? 10 : 1];
    let scale;
    if (axis.log) {
        low = Math.max(low, 1);
        high = Math.max(high, low * 2);
        const [from, to] = [Math.log(low * 0.85), Math.log(high * 1.18)];
        scale = (value) => a + (Math.log(Math.max(value, low * 0.9)) - from) / (to - from) * (b - a);
        scale.ticks = logTicks(low, high, wanted);
    } else {
        if (!axis.range) {
            if (low > 0) low = 0;
            if (high <= low) high = low + 1;
            const ticks = linearTicks(low, high, wanted);
            const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
            low = Math.floor(low / step + 1e-9) * step;
            high = Math.ceil(high / step - 1e-9) * step;
        }
        scale = (value) => a + (value - low) / (high - low || 1) * (b - a);
        scale.ticks = linearTicks(low, high, wanted);
    }
    scale.low = low;
    scale.high = high;
    return scale;
}

function tickText(value, axis) {
    if (axis.share) return String(Math.round(value * 1000) / 10);
    const size = Math.abs(value);
    if (size >= 1e6) return `${value / 1e6}M`;
    if (size >= 1e4) return `${value / 1e3}k`;
    return String(Number(value.toPrecision(6)));
}

const seriesTitle = (series) => series.title ?? groupTitle(series.name);

const axisTitle = (axis) => (axis.share ? `${axis.title}, %` : axis.title);

/** The drawing: frame and marks. `marks` are what the pointer can find: {x, y, title, rows, key}. */
function plot(chart, width, hidden) {
    const shown = chart.series.filter((series) => !hidden.has(series.name));
    const longest = chart.kind === "bars" ? Math.max(...chart.labels.map((label) => label.length)) : 0;
    const sideways = longest > 11;
    const height = sideways
        ? 44 + chart.labels.length * Math.max(20, 9 * shown.length)
        : Math.max(220, Math.min(300, width * 0.62));
    const box = { left: 38, right: width - 10, top: 24, bottom: height - 38 };
    if (sideways) Object.assign(box, { left: Math.min(width * 0.45, 8 + 6.3 * longest), top: 8 });
    const root = s("svg", {
        class: "plot", viewBox: `0 0 ${width} ${height}`, height, tabindex: 0, role: "img",
        "aria-label": `${chart.title}: ${axisTitle(chart.y)} over ${axisTitle(chart.x)}. Arrow keys read the values.`,
    });
    const marks = [];
    const context = { chart, box, root, marks, shown, width };
    if (chart.kind === "bars") (sideways ? drawSideBars : drawBars)(context);
    else {
        context.x = makeScale(chart.x, shown.flatMap((series) => series.x), box.left, box.right, (box.right - box.left) / 36);
        const heights = chart.kind === "histogram" ? stackHeights(shown) : shown.flatMap((series) => series.y);
        context.y = makeScale(chart.y, heights, box.bottom, box.top, 5);
        drawFrame(context);
        ({ lines: drawLines, points: drawPoints, histogram: drawHistogram })[chart.kind](context);
    }
    return { root, marks, box };
}

function drawFrame({ chart, box, root, x, y }) {
    for (const tick of y?.ticks ?? []) {
        root.append(s("line", { class: "grid", x1: box.left, x2: box.right, y1: y(tick), y2: y(tick) }),
            s("text", { x: box.left - 7, y: y(tick) + 4, "text-anchor": "end" }, tickText(tick, chart.y)));
    }
    for (const tick of x?.ticks ?? []) {
        root.append(s("line", { class: "grid", x1: x(tick), x2: x(tick), y1: box.top, y2: box.bottom }),
            s("text", { x: x(tick), y: box.bottom + 16, "text-anchor": "middle" }, tickText(tick, chart.x)));
    }
    root.append(s("line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }),
        s("text", { x: box.right, y: box.bottom + 33, "text-anchor": "end" }, axisTitle(chart.x)),
        s("text", { x: 0, y: box.top - 13 }, axisTitle(chart.y)));
    if (chart.diagonal) {
        const from = Math.max(x.low, y.low);
        const to = Math.min(x.high, y.high);
        root.append(s("line", { class: "diagonal", x1: x(from), y1: y(from), x2: x(to), y2: y(to) }));
    }
}

function drawLines({ chart, root, marks, shown, x, y, box }) {
    const greatest = Math.max(1, ...shown.flatMap((series) => series.counts ?? []));
    const isFirst = (x) => x.length === shown[0].x.length && x.every((value, k) => value === shown[0].x[k]);
    const sharesX = shown.every((series) => isFirst(series.x));
    for (const series of shown) {
        const known = series.y.map((_, k) => k).filter((k) => isNumber(series.x[k]) && isNumber(series.y[k]));
        const points = known.map((k) => [x(series.x[k]), y(series.y[k])]);
        const { color, dash, width, shape } = series.style;
        root.append(s("path", {
            class: "line", d: points.map(([px, py], k) => `${k ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join(""),
            style: { stroke: color, "stroke-dasharray": dash, "stroke-width": width },
        }));
        const radius = (k) => (series.counts ? 2 + 4.5 * Math.log1p(series.counts[k]) / Math.log1p(greatest) : 3);
        if (series.counts || series.x.length <= 24) {
            const outline = points.map(([px, py], k) => shapePath(shape, px, py, radius(known[k]))).join("");
            root.append(s("path", { d: outline, style: { fill: color } }));
        }
    }
    if (!shown.length) return;
    if (sharesX) {
        marks.crosshair = true;
        shown[0].x.forEach((value, k) => marks.push({
            x: x(value), y: y(shown[0].y[k]), title: `${chart.x.title} ${number(value, chart.x.share)}`,
            rows: shown.map((series) => [seriesTitle(series), number(series.y[k], chart.y.share)]) }));
    } else {
        for (const series of shown) {
            series.x.forEach((value, k) => marks.push({
                x: x(value), y: y(series.y[k]), title: seriesTitle(series),
                rows: [
                    [chart.x.title, number(value, chart.x.share)], [chart.y.title, number(series.y[k], chart.y.share)],
                    ...(series.counts ? [["pairs", count(series.counts[k])]] : []),
                ] }));
        }
    }
    if (isNumber(chart.marker)) {
        const at = x(chart.marker);
        root.append(s("line", { class: "axis", x1: at, x2: at, y1: box.top, y2: box.bottom }));
    }
}

function drawPoints({ chart, root, marks, shown, x, y }) {
    for (const series of shown) {
        const outline = [];
        let [sum, low, high] = [0, Infinity, -Infinity];
        series.x.forEach((value, k) => {
            const [px, py] = [x(value), y(series.y[k])];
            outline.push(shapePath(series.style.shape, px, py, series.x.length > 300 ? 2.7 : 3.6));
            marks.push({ x: px, y: py, title: series.labels[k], key: series.keys[k],
                rows: [
                    [groupTitle(series.name), ""], [chart.x.title, number(value, chart.x.share)],
                    [chart.y.title, number(series.y[k], chart.y.share)],
                ] });
            sum += series.y[k];
            low = Math.min(low, px);
            high = Math.max(high, px);
        });
        root.append(s("path", { d: outline.join(""), style: { fill: series.style.color, "fill-opacity": 0.62 } }));
        if (chart.means && series.x.length > 1) {
            const level = y(sum / series.x.length);
            root.append(s("line", { x1: low - 4, x2: high + 4, y1: level, y2: level,
                style: { stroke: series.style.color, "stroke-width": 2, "stroke-dasharray": "6 4" } }));
        }
    }
}

/** Tops of the stacked bars. */
function stackHeights(shown) {
    const tops = [];
    for (const series of shown) series.y.forEach((value, k) => { tops[k] = (tops[k] ?? 0) + value; });
    return tops;
}

/** A bar from one corner to the other. */
const bar = (series, left, right, top, bottom) => s("rect", {
    x: left, y: top, width: Math.max(0.5, right - left), height: Math.max(0.5, bottom - top),
    style: { fill: series.style.color },
});

function drawHistogram({ chart, root, marks, shown, x, y }) {
    const base = [];
    for (const series of shown) {
        series.y.forEach((value, k) => {
            const from = base[k] ?? 0;
            base[k] = from + value;
            if (value > 0) {
                root.append(bar(series, x(series.x[k]) + 1, x(series.x[k + 1]) - 1, y(from + value), y(from) - 0.5));
            }
        });
    }
    if (!shown.length) return;
    marks.crosshair = true;
    shown[0].y.forEach((_, k) => marks.push({
        x: (x(shown[0].x[k]) + x(shown[0].x[k + 1])) / 2, y: y(base[k]),
        title: [k, k + 1].map((edge) => number(shown[0].x[edge], chart.x.share, 0)).join(" – "),
        rows: shown.map((series) => [seriesTitle(series), number(series.y[k], chart.y.share)]) }));
}

function drawBars(context) {
    const { chart, box, root, marks, shown } = context;
    const y = makeScale(chart.y, [0, ...shown.flatMap((series) => series.y)], box.bottom, box.top, 5);
    drawFrame({ ...context, y });
    const slot = (box.right - box.left) / chart.labels.length;
    const thick = Math.min(34, slot * 0.78 / Math.max(shown.length, 1));
    chart.labels.forEach((label, k) => {
        const middle = box.left + slot * (k + 0.5);
        shown.forEach((series, position) => {
            if (!isNumber(series.y[k])) return;
            const [from, to] = [y(0), y(series.y[k])];
            const left = middle + (position - shown.length / 2) * thick;
            root.append(bar(series, left + 0.5, left + thick - 0.5, Math.min(from, to), Math.max(from, to)));
        });
        root.append(s("text", { x: middle, y: box.bottom + 16, "text-anchor": "middle" }, label));
        marks.push({ x: middle, y: y(shown[0]?.y[k] ?? 0), title: label,
            rows: shown.map((series) => [seriesTitle(series), number(series.y[k], chart.y.share, 2)]) });
    });
    marks.crosshair = true;
}

function drawSideBars(context) {
    const { chart, box, root, marks, shown } = context;
    const x = makeScale(chart.y, [0, ...shown.flatMap((series) => series.y)], box.left, box.right, 5);
    drawFrame({ ...context, x, chart: { ...chart, x: chart.y, y: { title: "" } } });
    const slot = (box.bottom - box.top) / chart.labels.length;
    const thick = slot * 0.78 / Math.max(shown.length, 1);
    const room = Math.floor((box.left - 8) / 6);
    chart.labels.forEach((label, k) => {
        const middle = box.top + slot * (k + 0.5);
        shown.forEach((series, position) => {
            if (!isNumber(series.y[k])) return;
            const [from, to] = [x(0), x(series.y[k])];
            const top = middle + (position - shown.length / 2) * thick;
            root.append(bar(series, Math.min(from, to), Math.max(from, to), top, top + thick - 1));
        });
        const short = label.length > room ? `${label.slice(0, room - 1)}…` : label;
        root.append(s("text", { x: box.left - 7, y: middle + 4, "text-anchor": "end" }, short));
        marks.push({ x: x(shown[0]?.y[k] ?? 0), y: middle, title: label,
            rows: shown.map((series) => [seriesTitle(series), number(series.y[k], chart.y.share, 2)]) });
    });
    marks.rows = true;
}
