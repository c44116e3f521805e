// The table of classes: sorted by any column, searched by name or id, filtered by group; rows are made as they scroll into
// view, so thousands of classes cost no more than a hundred.

const chunk = 100;

/** @returns {node, select(index)}; `onselect` is called with a class's index. */
function classTable(run, onselect) {
    const titles = new Map((run.report.layout?.classes ?? []).map((column) => [column.key, column]));
    const found = new Set(run.classes.flatMap((item) => Object.keys(item)));
    const keys = [...titles.keys(), ...[...found].filter((key) => !titles.has(key))].filter((key) => found.has(key) && key !== "name" && key !== "index");
    const columns = [{ key: "name", title: "class" }, ...keys.map((key) => ({ key, title: titles.get(key)?.title ?? key, share: titles.get(key)?.share ?? false }))];
    // The first share is the metric that the task is about: its cells carry bars.
    const main = columns.find((column) => column.share)?.key;
    const rows = run.classes.map((item, index) => ({ item, index, name: className(item, index) }));
    const value = (row, key) => (key === "name" ? row.name : row.item[key]);
    for (const row of rows) row.text = `${row.name} ${row.item.id ?? ""}`.toLowerCase();
    const groups = run.columns.filter((name) => rows.some((row) => row.item.group === name));

    let sort = found.has("train_count") ? { key: "train_count", down: true } : { key: undefined, down: false };
    let query = "";
    let group = "";
    let selected = -1;
    let visible = [];
    let filled = 0;

    const head = h("tr");
    const body = h("tbody");
    const status = h("span", { class: "muted", role: "status" });
    const scroll = h("div", { class: "scroll classes", tabindex: 0, role: "region", "aria-label": "classes" },
        h("table", {}, h("caption", { class: "hidden" }, "Values of each class. Select a row for its thresholds."), h("thead", {}, head), body));

    const compare = (a, b) => {
        const [x, y] = [value(a, sort.key), value(b, sort.key)];
        const missing = (v) => v === undefined || v === null;
        if (missing(x) || missing(y)) return missing(x) - missing(y) || a.index - b.index;
        const order = typeof x === "string" && typeof y === "string" ? x.localeCompare(y, "en", { numeric: true }) : x < y ? -1 : x > y ? 1 : 0;
        return (sort.down ? -order : order) || a.index - b.index;
    };

    function cell(row, column) {
        if (column.key === "name") return h("td", { title: row.name }, h("button", { class: "plain", type: "button", onclick: (event) => { event.stopPropagation(); choose(row.index, true); } }, row.name));
        const own = value(row, column.key);
        if (column.key === "group") return h("td", { class: "left" }, own === undefined || own === null ? "–" : groupLabel(String(own), run.columns.indexOf(own)));
        const text = typeof own === "string" ? own : number(own, column.share, 1);
        if (column.key !== main || !isNumber(own)) return h("td", {}, text);
        const color = `color-mix(in srgb, ${styleOf(row.item.group ?? "total", run.columns.indexOf(row.item.group)).color} 26%, transparent)`;
        return h("td", { class: "bar", style: { "background-image": `linear-gradient(${color}, ${color})`, "background-size": `${Math.max(0, Math.min(100, own * 100))}% 62%` } }, text);
    }

    function fill(upTo) {
        for (; filled < Math.min(upTo, visible.length); filled++) {
            const row = visible[filled];
            body.append(h("tr", { "aria-selected": String(row.index === selected), "data-index": row.index, onclick: () => choose(row.index, true) },
                columns.map((column) => cell(row, column))));
        }
    }

    function refresh() {
        visible = rows.filter((row) => (!group || row.item.group === group) && (!query || row.text.includes(query)));
        if (sort.key) visible.sort(compare);
        body.replaceChildren();
        filled = 0;
        scroll.scrollTop = 0;
        fill(chunk);
        status.textContent = visible.length === rows.length ? `${count(rows.length)} classes` : `${count(visible.length)} of ${count(rows.length)} classes`;
    }

    function headers() {
        head.replaceChildren(...columns.map((column) => {
            const sorted = sort.key === column.key;
            return h("th", { scope: "col", "aria-sort": sorted ? (sort.down ? "descending" : "ascending") : "none", class: column.key === "group" ? "left" : null },
                h("button", { class: "plain", type: "button", "data-sorted": sorted, onclick() {
                    sort = { key: column.key, down: sorted ? !sort.down : column.key !== "name" && column.key !== "group" };
                    headers();
                    refresh();
                } }, column.share ? `${column.title}, %` : column.title, sorted ? (sort.down ? " ▾" : " ▴") : ""));
        }));
    }

    function choose(index, tell) {
        selected = index;
        for (const row of body.children) row.setAttribute("aria-selected", String(Number(row.dataset.index) === index));
        if (tell) onselect(index);
    }

    scroll.addEventListener("scroll", () => { if (scroll.scrollTop + scroll.clientHeight > scroll.scrollHeight - 600) fill(filled + chunk); }, { passive: true });
    const search = h("input", { type: "search", placeholder: "Search name or id", "aria-label": "Search classes by name or id", oninput: debounced(() => { query = search.value.trim().toLowerCase(); refresh(); }) });
    const filter = groups.length < 2 ? null : h("select", { "aria-label": "Group", onchange() { group = filter.value; refresh(); } },
        h("option", { value: "" }, "all groups"), groups.map((name) => h("option", { value: name }, groupTitle(name))));
    headers();
    refresh();
    const csv = () => {
        // A cell that a spreadsheet could take for a formula starts with an apostrophe.
        const quoted = (own) => (own === undefined || own === null ? "" : typeof own === "string" ? `"${own.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"` : String(own));
        download("classes.csv", "text/csv", [columns.map((column) => quoted(column.key)).join(), ...visible.map((row) => columns.map((column) => quoted(value(row, column.key))).join())].join("\r\n"));
    };
    return {
        node: h("div", {}, h("div", { class: "controls" }, h("div", { class: "grow" }, search), filter,
            h("button", { type: "button", onclick: csv }, "CSV"), status), scroll),
        /** Shows one class: clears what hides it and scrolls to it. */
        select(index) {
            if (!visible.some((row) => row.index === index)) {
                query = search.value = group = "";
                if (filter) filter.value = "";
                refresh();
            }
            const position = visible.findIndex((row) => row.index === index);
            fill(position + chunk);
            choose(index, false);
            const row = body.children[position];
            if (row) scroll.scrollTop = row.offsetTop - scroll.clientHeight / 2;
        },
    };
}
