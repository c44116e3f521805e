// Building blocks: elements, numbers, colours. Text from the data only ever becomes text nodes and attribute values.

/** An HTML element; `on…` attributes are listeners, `style` an object of properties, other children text or nodes. */
function h(name, attributes, ...children) {
    return build(document.createElement(name), attributes, children);
}

/** An SVG element. */
function s(name, attributes, ...children) {
    return build(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function build(node, attributes, children) {
    for (const [key, value] of Object.entries(attributes ?? {})) {
        if (value === undefined || value === null || value === false) continue;
        if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
        else if (key === "style") for (const [name, own] of Object.entries(value)) node.style.setProperty(name, own);
        else node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    return node;
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const integers = new Intl.NumberFormat("en-US");

/** A count: 12,345. */
const count = (value) => (isNumber(value) ? integers.format(value) : "–");

/** A share as percent, another number with four significant digits; "–" where not defined. */
function number(value, isShare, digits = 1) {
    if (!isNumber(value)) return "–";
    if (isShare) return (value * 100).toFixed(digits);
    if (Number.isInteger(value)) return count(value);
    const size = Math.abs(value);
    return size >= 1e5 || (size < 1e-4 && size > 0) ? value.toExponential(2) : value.toFixed(size >= 100
        ? 1 : size >= 1 ? 3 : 4);
}

/** "[10.1, 14.6]". */
const range = (interval, isShare, digits = 1) =>
    Array.isArray(interval) ? `[${number(interval[0], isShare, digits)}, ${number(interval[1], isShare, digits)}]` : "";

/** What the columns of all rules have in common: frequent, medium, rare, all. */
const roles = new Map([
    ["f", 0], ["frequent", 0], ["head", 0], ["many", 0], ["majority", 0],
    ["c", 1], ["common", 1], ["middle", 1], ["medium", 1], ["median", 1],
    ["r", 2], ["rare", 2], ["tail", 2], ["few", 2], ["low", 2], ["minority", 2],
    ["total", 3], ["all", 3],
]);
const longNames = new Map([["r", "rare"], ["c", "common"], ["f", "frequent"]]);

/** What a group is called on the page. */
const groupTitle = (name) => longNames.get(name) ?? name;

/** Colour, dashes and shape of a group or, for other names, of the position. */
function styleOf(name, position = 0) {
    const role = roles.get(name) ?? [0, 1, 2, 4, 5][position % 5];
    return {
        color: `var(--group-${role})`,
        dash: ["", "8 3", "2 3", "", "10 3 2 3", "5 5"][role],
        shape: ["circle", "diamond", "triangle", "square", "circle", "diamond"][role],
        width: role === 3 ? 2.6 : 2,
    };
}

const runStyle = (position) => ({
    color: `var(--run-${position % 6})`, dash: ["", "8 3", "2 3", "10 3 2 3", "5 5", "1 4"][position % 6],
    shape: ["circle", "diamond", "triangle", "square"][position % 4], width: 2,
});

/** Outline of a mark around (x, y). */
function shapePath(shape, x, y, r) {
    const n = (value) => value.toFixed(1);
    if (shape === "diamond") {
        const d = r * 1.25;
        return `M${n(x)} ${n(y - d)}l${n(d)} ${n(d)}l${n(-d)} ${n(d)}l${n(-d)} ${n(-d)}z`;
    }
    if (shape === "triangle") return `M${n(x)} ${n(y - r * 1.2)}l${n(r * 1.15)} ${n(r * 2)}h${n(-r * 2.3)}z`;
    if (shape === "square") return `M${n(x - r)} ${n(y - r)}h${n(2 * r)}v${n(2 * r)}h${n(-2 * r)}z`;
    return `M${n(x - r)} ${n(y)}a${n(r)} ${n(r)} 0 1 0 ${n(2 * r)} 0a${n(r)} ${n(r)} 0 1 0 ${n(-2 * r)} 0z`;
}

/** The mark of a series in a legend or table. */
function swatch(style) {
    return s("svg", { width: 11, height: 11, "aria-hidden": "true", class: "swatch" },
        s("path", { d: shapePath(style.shape, 5.5, 5.5, 4.2), style: { fill: style.color } }));
}

/** A table cell of a group's name with its mark. */
const groupLabel = (name, position) => [swatch(styleOf(name, position)), groupTitle(name)];

/** A name per class, unlike others': name, else id, else index. */
const className = (item, index) => item?.name ?? (item?.id === undefined ? `class ${index}` : `class ${item.id}`);

/** A table row of column titles; the `left` ones are text. */
const headRow = (titles, left = []) =>
    h("tr", {}, titles.map((title) => h("th", { scope: "col", class: left.includes(title) ? "left" : null }, title)));

/** Table cells. */
const cells = (values) => values.map((value) => h("td", {}, value));

/** Waits until calls stop for a moment. */
function debounced(action, delay = 120) {
    let timer;
    return (...values) => {
        clearTimeout(timer);
        timer = setTimeout(() => action(...values), delay);
    };
}

/** Offers text as a file. */
function download(name, type, text) {
    const url = URL.createObjectURL(new Blob([text], { type }));
    const link = h("a", { href: url, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
}

const say = (text) => { document.getElementById("live").textContent = text; };
