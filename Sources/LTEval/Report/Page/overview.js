// Results as numbers: tiles and tables of metrics over the columns, the list of mistakes, what a report was made from.

/** The rows of the headlines, each once, as {row: {name, title, share}, section, title}. */
function headlineRows(run) {
    const sections = new Map((run.report.layout?.sections ?? []).map((section) => [section.name, section]));
    const seen = new Set();
    const rows = [];
    for (const headline of run.report.layout?.headlines ?? []) {
        const section = sections.get(headline.section);
        const row = section?.rows?.find((item) => item.name === headline.row);
        if (!row || seen.has(row)) continue;
        seen.add(row);
        rows.push({ row, section, title: headline.title });
    }
    return rows;
}

/** Values and intervals of a row, one per column. */
function rowOf(run, section, row) {
    const values = run.report.metrics?.[section.name]?.[row.name];
    const intervals = run.report.intervals?.metrics?.[section.name]?.[row.name];
    return {
        values: run.columns.map((column) => values?.[column]),
        intervals: run.columns.map((column) => intervals?.[column]),
    };
}

/** One main value, with the groups as bars. */
function tile(run, { row, title, section }) {
    const { values, intervals } = rowOf(run, section, row);
    const last = values.length - 1;
    const scale = row.share ? 1 : Math.max(1e-9, ...values.filter(isNumber));
    const percent = (value) => `${Math.max(0, Math.min(100, value / scale * 100))}%`;
    const whisker = ([low, high]) =>
        h("div", { class: "whisker", style: { left: percent(low), width: percent(high - low) } });
    const meter = (column, k) => isNumber(values[k]) && h("div", { class: "meter" },
        h("span", {}, groupTitle(column)),
        h("div", { class: "track", title: range(intervals[k], row.share) },
            h("div", { class: "fill", style: { width: percent(values[k]), background: styleOf(column, k).color } }),
            intervals[k] && whisker(intervals[k])),
        h("span", {}, number(values[k], row.share)));
    return h("div", { class: "card tile" },
        h("h3", {}, row.share ? `${title}, %` : title),
        h("div", { class: "value" },
            number(values[last], row.share), intervals[last] && h("small", {}, range(intervals[last], row.share))),
        run.columns.slice(0, -1).map(meter));
}

/** Rows over the columns that have a value in any of them. */
function metricTable(run, title, rows) {
    const lines = rows.map((item) => ({ ...item, ...rowOf(run, item.section, item.row) }));
    const used = run.columns.map((_, k) => k).filter((k) => lines.some((line) => isNumber(line.values[k])));
    const mark = (k) => (k === run.columns.length - 1 ? "total" : null);
    const head = (k) => h("th", { scope: "col", class: mark(k) }, groupLabel(run.columns[k], k));
    const cell = ({ row, values, intervals }, k) => h("td", { class: mark(k) },
        number(values[k], row.share, 2), intervals[k] && h("small", {}, range(intervals[k], row.share, 2)));
    return h("div", { class: "scroll" }, h("table", {},
        title && h("caption", {}, title),
        h("thead", {}, h("tr", {}, h("td"), used.map(head))),
        h("tbody", {}, lines.map((line) => h("tr", {},
            h("th", { scope: "row" }, (line.title ?? line.row.title) + (line.row.share ? ", %" : "")),
            used.map((k) => cell(line, k)))))));
}

function overview(run) {
    const { intervals, notes, layout } = run.report;
    const rows = headlineRows(run);
    const sections = (layout?.sections ?? []).map((section) =>
        metricTable(run, section.title, (section.rows ?? []).map((row) => ({ row, section }))));
    return [
        h("div", { class: "tiles" }, rows.slice(0, 4).map((row) => tile(run, row))),
        rows.length > 0 && h("div", { class: "card" },
            metricTable(run, null, rows),
            intervals && h("p", { class: "caption" },
                `Brackets: ${number(intervals.level, true, 0)}% interval, ${intervals.method}.`),
            h("details", { class: "noprint" }, h("summary", {}, "all metrics"), sections)),
        notes?.length > 0 && h("ul", { class: "notes", "aria-label": "notes" }, notes.map((note) => h("li", {}, note))),
    ];
}

/** A small picture that is part of the report; nothing else is ever loaded. */
const thumbnail = (text) => typeof text === "string" && text.startsWith("data:image/jpeg;base64,")
    && h("img", { src: text, alt: "", loading: "lazy" });

/** Wrong answers, filtered by kind, searched by image, class and reason. */
function mistakeTable(run) {
    const all = run.report.mistakes ?? [];
    const kinds = [...new Set(all.map((item) => item.kind))];
    const pictures = all.some((item) => thumbnail(item.thumbnail));
    const boxes = all.some((item) => item.box?.length === 4);
    const rows = h("tbody");
    const status = h("span", { class: "muted", role: "status" });
    const kind = h("select", { "aria-label": "kind", onchange: fill },
        h("option", { value: "" }, "all kinds"), kinds.map((name) => h("option", { value: name }, name)));
    const search = h("input", {
        type: "search", placeholder: "Search image, class or reason", "aria-label": "Search mistakes",
        oninput: debounced(fill),
    });
    const nameOf = (item) => className(run.classes[item.class], item.class);

    function line(item) {
        const group = run.classes[item.class]?.group ?? null;
        return h("tr", {},
            h("td", {}, item.kind),
            h("td", { class: "left" }, group !== null && swatch(styleOf(group, run.columns.indexOf(group))), nameOf(item)),
            h("td", {}, number(item.score, false)),
            h("td", { class: "left wrap" }, item.why),
            pictures && h("td", {}, thumbnail(item.thumbnail)),
            h("td", { class: "path" }, item.image),
            boxes && h("td", {}, (item.box ?? []).map((value) => Math.round(value)).join(", ")));
    }

    function fill() {
        const query = search.value.trim().toLowerCase();
        const shown = all.filter((item) => (!kind.value || item.kind === kind.value)
            && `${item.image} ${nameOf(item)} ${item.why}`.toLowerCase().includes(query));
        status.textContent = `${count(shown.length)} of ${count(all.length)}`;
        rows.replaceChildren(...shown.map(line));
    }
    fill();
    const titles = ["kind", "class", "score", "why", pictures && "picture", "image", boxes && "box x, y, w, h"];
    return [
        h("div", { class: "controls" }, h("div", { class: "grow" }, search), kinds.length > 1 && kind, status),
        h("div", { class: "card scroll mistakes", tabindex: 0, role: "region", "aria-label": "mistakes" },
            h("table", {}, h("thead", {}, headRow(titles.filter(Boolean), ["class", "why", "image"])), rows)),
    ];
}

/** JSON as nested lists of terms. */
function definitions(value) {
    if (Array.isArray(value)) {
        return value.every((item) => typeof item !== "object") ? value.join(", ") : value.map(definitions);
    }
    if (value === null || typeof value !== "object") return String(value);
    return h("dl", {}, Object.entries(value).map(([key, own]) =>
        [h("dt", {}, key.replaceAll("_", " ")), h("dd", {}, definitions(own))]));
}
