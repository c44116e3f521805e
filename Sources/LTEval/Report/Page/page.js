// The page: reads the embedded reports and puts the sections together.

const taskTitles = new Map([["multilabel", "Multi-label classification"], ["multiclass", "Classification"], ["detection", "Detection"], ["segmentation", "Instance segmentation"]]);

/** Titles and rows of the headlines, each row once, as {row: {name, title, share}, title, section}. */
function headlineRows(run) {
    const sections = new Map((run.report.layout?.sections ?? []).map((section) => [section.name, section]));
    const seen = new Set();
    const rows = [];
    for (const headline of run.report.layout?.headlines ?? []) {
        const section = sections.get(headline.section);
        const row = section?.rows?.find((item) => item.name === headline.row);
        const key = JSON.stringify([headline.section, headline.row]);
        if (!row || seen.has(key)) continue;
        seen.add(key);
        rows.push({ row, section, title: headline.title });
    }
    return rows;
}

const valuesOf = (run, section, row) => run.columns.map((column) => run.report.metrics?.[section]?.[row]?.[column]);
const intervalsOf = (run, section, row) => run.columns.map((column) => run.report.intervals?.metrics?.[section]?.[row]?.[column]);

/** One main value, with the groups as bars. */
function tile(run, { row, title, section }) {
    const values = valuesOf(run, section.name, row.name);
    const intervals = intervalsOf(run, section.name, row.name);
    const last = values.length - 1;
    const scale = row.share ? 1 : Math.max(1e-9, ...values.filter(isNumber));
    const percent = (value) => `${Math.max(0, Math.min(100, value / scale * 100))}%`;
    return h("div", { class: "card tile" }, h("h3", {}, row.share ? `${title}, %` : title),
        h("div", { class: "value" }, number(values[last], row.share), intervals[last] && h("small", {}, range(intervals[last], row.share))),
        run.columns.slice(0, -1).map((column, k) => isNumber(values[k]) && h("div", { class: "meter" }, h("span", {}, groupTitle(column)),
            h("div", { class: "track" }, h("div", { class: "fill", style: { width: percent(values[k]), background: styleOf(column, k).color } }),
                intervals[k] && h("div", { class: "whisker", title: range(intervals[k], row.share), style: { left: percent(intervals[k][0]), width: `${Math.max(0, (intervals[k][1] - intervals[k][0]) / scale * 100)}%` } })),
            h("span", {}, number(values[k], row.share)))));
}

/** Rows over the columns. */
function metricTable(run, title, rows) {
    const columns = run.columns;
    const used = columns.filter((_, k) => rows.some(({ row, section }) => isNumber(valuesOf(run, section.name, row.name)[k])));
    return h("div", { class: "scroll" }, h("table", {}, title && h("caption", {}, title),
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, ""), used.map((column) => h("th", { scope: "col", class: column === columns.at(-1) ? "total" : null }, groupLabel(column, columns.indexOf(column)))))),
        h("tbody", {}, rows.map(({ row, section, title: own }) => {
            const values = valuesOf(run, section.name, row.name);
            const intervals = intervalsOf(run, section.name, row.name);
            return h("tr", {}, h("th", { scope: "row" }, (own ?? row.title) + (row.share ? ", %" : "")), used.map((column) => {
                const k = columns.indexOf(column);
                return h("td", { class: column === columns.at(-1) ? "total" : null }, number(values[k], row.share, 2), intervals[k] && h("small", {}, range(intervals[k], row.share, 2)));
            }));
        }))));
}

function overview(run) {
    const rows = headlineRows(run);
    const level = run.report.intervals && `Brackets: ${number(run.report.intervals.level, true, 0)}% interval, ${run.report.intervals.method}.`;
    return [h("div", { class: "tiles" }, rows.slice(0, 4).map((row) => tile(run, row))),
        h("div", { class: "card" }, metricTable(run, null, rows), level && h("p", { class: "caption" }, level),
            h("details", { class: "noprint" }, h("summary", {}, "all metrics"), (run.report.layout?.sections ?? []).map((section) => metricTable(run, section.title, (section.rows ?? []).map((row) => ({ row, section })))))),
        run.report.notes?.length ? h("ul", { class: "notes", "aria-label": "notes" }, run.report.notes.map((note) => h("li", {}, note))) : null];
}

/** Wrong answers, filtered by kind and class. */
function mistakeTable(run) {
    const all = run.report.mistakes ?? [];
    const kinds = [...new Set(all.map((item) => item.kind))];
    const rows = h("tbody");
    const status = h("span", { class: "muted", role: "status" });
    const kind = h("select", { "aria-label": "kind", onchange: fill }, h("option", { value: "" }, "all kinds"), kinds.map((name) => h("option", { value: name }, name)));
    const search = h("input", { type: "search", placeholder: "Search image, class or reason", "aria-label": "Search mistakes", oninput: debounced(fill) });
    const thumbnail = (text) => typeof text === "string" && /^data:image\/(jpeg|png);base64,/.test(text) && h("img", { src: text, alt: "", loading: "lazy" });
    const pictures = all.some((item) => thumbnail(item.thumbnail));
    const boxes = all.some((item) => item.box?.length === 4);
    function fill() {
        const query = search.value.trim().toLowerCase();
        const shown = all.filter((item) => (!kind.value || item.kind === kind.value)
            && (!query || `${item.image} ${className(run.classes[item.class], item.class)} ${item.why}`.toLowerCase().includes(query)));
        status.textContent = `${count(shown.length)} of ${count(all.length)}`;
        rows.replaceChildren(...shown.map((item) => {
            const own = run.classes[item.class];
            return h("tr", {}, h("td", {}, item.kind), h("td", { class: "left" }, own?.group !== undefined && own.group !== null && swatch(styleOf(own.group, run.columns.indexOf(own.group))), className(own, item.class)),
                h("td", {}, number(item.score, false)), h("td", { class: "left wrap" }, item.why), pictures && h("td", {}, thumbnail(item.thumbnail)), h("td", { class: "path" }, item.image),
                boxes && h("td", {}, (item.box ?? []).map((value) => Math.round(value)).join(", ")));
        }));
    }
    fill();
    const heads = ["kind", "class", "score", "why", pictures && "picture", "image", boxes && "box x, y, w, h"].filter(Boolean);
    return [h("div", { class: "controls" }, h("div", { class: "grow" }, search), kinds.length > 1 && kind, status),
        h("div", { class: "card scroll mistakes", tabindex: 0, role: "region", "aria-label": "mistakes" }, h("table", {}, h("thead", {}, h("tr", {}, heads.map((text) => h("th", { scope: "col", class: ["class", "why", "image"].includes(text) ? "left" : null }, text)))), rows))];
}

/** JSON as nested definition lists. */
function definitions(value) {
    if (Array.isArray(value)) return value.every((item) => typeof item !== "object") ? value.join(", ") : value.map(definitions);
    if (value === null || typeof value !== "object") return String(value);
    return h("dl", {}, Object.entries(value).map(([key, own]) => [h("dt", {}, key.replaceAll("_", " ")), h("dd", {}, definitions(own))]));
}

/** All sections of one run, as [id, title, content]. */
function sectionsOf(run) {
    let table;
    let explorer;
    const goTo = (id) => document.getElementById(id)?.scrollIntoView({ behavior: "smooth" });
    const sections = [["overview", "Results", overview(run)]];
    const figures = (run.report.figures ?? []).map((own) => chartOf(own, run, (index) => { table.select(index); explorer?.select(index); goTo("classes"); }))
        .filter((chart) => chart && ["lines", "points", "histogram", "bars"].includes(chart.kind) && chart.series.length);
    if (figures.length) sections.push(["figures", "Figures", h("div", { class: "figures" }, figures.map(figure))]);
    explorer = thresholdExplorer(run);
    if (explorer) sections.push(["thresholds", `Thresholds: ${run.report.threshold_curves.title ?? "scores"}`, explorer.node, "Thresholds"]);
    if (run.classes.length) {
        table = classTable(run, (index) => explorer?.select(index));
        sections.push(["classes", "Classes", table.node]);
    }
    if (run.report.mistakes?.length) sections.push(["mistakes", "Worst mistakes", mistakeTable(run)]);
    sections.push(["provenance", "Made from", h("div", { class: "card" }, definitions({ task: run.report.task, version: run.report.version, ...run.report.provenance }))]);
    return sections;
}

function themeButton() {
    const dark = () => document.documentElement.dataset.theme === "dark";
    return h("button", { type: "button", class: "noprint", "aria-label": "light or dark", title: "light or dark", onclick() { document.documentElement.dataset.theme = dark() ? "light" : "dark"; } }, "◐");
}

function start() {
    const preference = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => { document.documentElement.dataset.theme = preference.matches ? "dark" : "light"; };
    follow();
    preference.addEventListener("change", follow);

    const data = JSON.parse(document.getElementById("data").textContent);
    const runs = data.runs.map(({ name, report }, position) => ({ name, report, position, columns: report.layout?.columns ?? ["total"], classes: Array.isArray(report.classes) ? report.classes : [] }));
    const main = document.getElementById("main");
    const links = h("div");
    let shown = runs[0];

    function facts(run) {
        const groups = run.report.groups ?? {};
        const sizes = Object.entries(groups.classes ?? {}).slice(0, -1);
        return h("div", { class: "facts" }, h("span", {}, h("b", {}, count(run.report.images)), " images"), h("span", {}, h("b", {}, count(run.classes.length)), " classes"),
            sizes.map(([name, size], k) => h("span", {}, swatch(styleOf(name, k)), groupTitle(name), " ", h("b", {}, count(size)))), sizes.length ? h("span", {}, `groups: ${groups.rule}`) : null);
    }
    const factsPlace = h("div", {}, facts(shown));
    const title = taskTitles.get(shown.report.task) ?? shown.report.task;
    document.getElementById("top").append(...[h("div", { class: "title" }, h("div", {}, h("h1", {}, runs.length > 1 ? `${title}: ${runs.length} runs` : title),
        runs.length === 1 && shown.name ? h("p", { class: "muted" }, shown.name) : null), themeButton()), runs.length === 1 && factsPlace].filter(Boolean));
    const nav = h("nav", { "aria-label": "sections" }, links);
    document.getElementById("top").after(nav);

    const compared = runs.length > 1 ? h("section", { id: "runs", "aria-label": "runs" }, h("h2", {}, "Runs side by side"), comparison(runs)) : null;
    const switcher = runs.length > 1 ? h("div", { class: "controls", role: "group", "aria-label": "run shown below", style: { "margin-top": "30px" } }, h("span", { class: "muted" }, "Shown below:"),
        runs.map((run) => h("button", { type: "button", "aria-pressed": String(run === shown), onclick() { shown = run; for (const [k, button] of [...switcher.querySelectorAll("button")].entries()) button.setAttribute("aria-pressed", String(runs[k] === shown)); show(); } }, run.name))) : null;
    const place = h("div");
    function show() {
        factsPlace.replaceChildren(facts(shown));
        const sections = sectionsOf(shown);
        place.replaceChildren(...sections.map(([id, heading, content]) => h("section", { id, "aria-label": heading }, h("h2", {}, heading), content)));
        links.replaceChildren(...(compared ? [h("a", { href: "#runs" }, "Runs")] : []), ...sections.map(([id, heading, , short]) => h("a", { href: `#${id}` }, short ?? heading)));
    }
    main.append(...[compared, switcher, runs.length > 1 ? factsPlace : null, place].filter(Boolean),
        h("footer", {}, `Made by lt-eval ${runs[0].report.version ?? ""}. This file needs no network.`));
    show();
    document.documentElement.dataset.ready = "true";
}

start();
