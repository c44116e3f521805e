// The table of classes: sorted by any column, searched by name or id, filtered by group; rows are made as they scroll into
// view, so thousands of classes cost no more than a hundred.

const chunk = 100;
const isMissing = (value) => value === undefined || value === null;

/** @returns {node, select(index)}; `onselect` is called with a class's index. */
function classTable(run, onselect) {
    const titles = new Map((run.report.layout?.classes ?? []).map((column) => [column.key, column]));
    const found = new Set(run.classes.flatMap((item) => Object.keys(item)));
    const keys = new Set([...titles.keys(), ...found].filter((key) => found.has(key) && key !== "name" && key !== "index"));
    const columns = [{ key: "name", title: "class" }];
    for (const key of keys) columns.push({ key, title: titles.get(key)?.title ?? key, share: titles.get(key)?.share });
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
        h("table", {},
            h("caption", { class: "hidden" }, "Values of each class. Select a row for its thresholds."),
            h("thead", {}, head), body));

    const compare = (a, b) => {
        const [x, y] = [value(a, sort.key), value(b, sort.key)];
        // What has no value comes last, whichever way.
        if (isMissing(x) || isMissing(y)) return isMissing(x) - isMissing(y) || a.index - b.index;
        const isText = typeof x === "string" && typeof y === "string";
        const order = isText ? x.localeCompare(y, "en", { numeric: true }) : Math.sign(x - y);
        return (sort.down ? -order : order) || a.index - b.index;
    };

    function cell(row, column) {
        const own = value(row, column.key);
        if (column.key === "name") {
            const pick = (event) => { event.stopPropagation(); choose(row.index, true); };
            return h("td", { title: own }, h("button", { class: "plain", type: "button", onclick: pick }, own));
        }
        if (column.key === "group") {
            return h("td", { class: "left" }, isMissing(own) ? "–" : groupLabel(String(own), run.columns.indexOf(own)));
        }
        const text = typeof own === "string" ? own : number(own, column.share);
        if (column.key !== main || !isNumber(own)) return h("td", {}, text);
        const group = row.item.group ?? "total";
        const color = `color-mix(in srgb, ${styleOf(group, run.columns.indexOf(group)).color} 26%, transparent)`;
        const width = Math.max(0, Math.min(100, own * 100));
        const style = { "background-image": `linear-gradient(${color}, ${color})`, "background-size": `${width}% 62%` };
        return h("td", { class: "bar", style }, text);
    }

    function fill(upTo) {
        for (; filled < Math.min(upTo, visible.length); filled++) {
            const row = visible[filled];
            const isSelected = String(row.index === selected);
            body.append(h("tr",
                { "aria-selected": isSelected, "data-index": row.index, onclick: () => choose(row.index, true) },
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
        const part = visible.length === rows.length ? "" : `${count(visible.length)} of `;
        status.textContent = `${part}${count(rows.length)} classes`;
    }

    function header(column) {
        const sorted = sort.key === column.key;
        const isText = column.key === "name" || column.key === "group";
        function press() {
            sort = { key: column.key, down: sorted ? !sort.down : !isText };
            headers();
            refresh();
        }
        const order = sorted ? (sort.down ? "descending" : "ascending") : "none";
        return h("th", { scope: "col", "aria-sort": order, class: column.key === "group" ? "left" : null },
            h("button", { class: "plain", type: "button", "data-sorted": sorted, onclick: press },
                column.share ? `${column.title}, %` : column.title, sorted && (sort.down ? " ▾" : " ▴")));
    }

    function headers() { head.replaceChildren(...columns.map(header)); }

    function choose(index, tell) {
        selected = index;
        for (const row of body.children) row.setAttribute("aria-selected", String(Number(row.dataset.index) === index));
        if (tell) onselect(index);
    }

    function save() {
        const lines = [columns.map((column) => quoted(column.key))];
        for (const row of visible) lines.push(columns.map((column) => quoted(value(row, column.key))));
        download("classes.csv", "text/csv", lines.map((line) => line.join()).join("\r\n"));
    }

    const nearEnd = () => scroll.scrollTop + scroll.clientHeight > scroll.scrollHeight - 600;
    scroll.addEventListener("scroll", () => { if (nearEnd()) fill(filled + chunk); }, { passive: true });
    const search = h("input", {
        type: "search", placeholder: "Search name or id", "aria-label": "Search classes by name or id",
        oninput: debounced(() => { query = search.value.trim().toLowerCase(); refresh(); }),
    });
    const filter = h("select", { "aria-label": "group", onchange() { group = filter.value; refresh(); } },
        h("option", { value: "" }, "all groups"), groups.map((name) => h("option", { value: name }, groupTitle(name))));
    headers();
    refresh();
    return {
        node: h("div", {},
            h("div", { class: "controls" }, h("div", { class: "grow" }, search), groups.length > 1 && filter,
                h("button", { type: "button", class: "noprint", onclick: save }, "CSV"), status),
            scroll),
        /** Shows one class: clears what hides it and scrolls to it. */
        select(index) {
            if (!visible.some((row) => row.index === index)) {
                query = search.value = group = filter.value = "";
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

/** A CSV cell; what a spreadsheet could take for a formula starts with an apostrophe. */
function quoted(value) {
    if (isMissing(value)) return "";
    if (typeof value !== "string") return String(value);
    return `"${value.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
}
