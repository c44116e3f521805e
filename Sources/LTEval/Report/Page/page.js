// The page: reads the embedded reports and puts the sections together.

const taskTitles = new Map([
    ["multilabel", "Multi-label classification"], ["multiclass", "Classification"], ["detection", "Detection"],
    ["detection_comparison", "Two detectors compared"],
]);

/** The sections of one run, as {id, title, content, link}. */
function sectionsOf(run) {
    const { report } = run;
    const sections = [];
    const add = (id, title, content, link) => sections.push({ id, title, content, link: link ?? title });
    const explorer = thresholdExplorer(run);
    const table = run.classes.length ? classTable(run, (index) => explorer?.select(index)) : null;
    function goToClass(index) {
        table?.select(index);
        explorer?.select(index);
        document.getElementById("classes")?.scrollIntoView({ behavior: "smooth" });
    }
    const charts = (report.figures ?? []).map((own) => chartOf(own, run, goToClass)).filter((chart) => chart.series.length);

    add("overview", "Results", overview(run));
    if (charts.length) add("figures", "Figures", h("div", { class: "figures" }, charts.map(figure)));
    if (explorer) add("thresholds", `Thresholds: ${report.threshold_curves.title ?? "scores"}`, explorer.node, "Thresholds");
    if (table) add("classes", "Classes", table.node);
    if (report.mistakes?.length) add("mistakes", "Worst mistakes", mistakeTable(run));
    const origin = definitions({ task: report.task, version: report.version, ...report.provenance });
    add("provenance", "Made from", h("div", { class: "card" }, origin));
    return sections;
}

/** Sizes of a run: images, classes, classes in each group. */
function facts(run) {
    const groups = run.report.groups ?? {};
    const sizes = Object.entries(groups.classes ?? {}).slice(0, -1);
    const fact = (size, name) => h("span", {}, h("b", {}, count(size)), ` ${name}`);
    return h("div", { class: "facts" },
        fact(run.report.images, "images"), fact(run.classes.length, "classes"),
        sizes.map(([name, size], k) => h("span", {}, swatch(styleOf(name, k)), groupTitle(name), " ", h("b", {}, count(size)))),
        sizes.length > 0 && h("span", {}, `groups: ${groups.rule}`));
}

/** Follows the system's preference until the button is used. */
function themeButton() {
    const root = document.documentElement;
    const preference = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => { root.dataset.theme = preference.matches ? "dark" : "light"; };
    follow();
    preference.addEventListener("change", follow);
    return h("button", {
        type: "button", class: "noprint", "aria-label": "light or dark", title: "light or dark",
        onclick() { root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark"; },
    }, "◐");
}

/** Buttons that choose the run shown in detail. */
function runButtons(runs, title, choose) {
    const buttons = runs.map((run) => h("button", {
        type: "button",
        onclick() {
            runs.forEach((other, k) => buttons[k].setAttribute("aria-pressed", String(other === run)));
            choose(run);
        },
    }, run.name));
    return {
        node: h("div", { class: "controls below", role: "group", "aria-label": "run shown below" },
            h("span", { class: "muted" }, title), buttons),
        press: (k) => buttons[k].click(),
    };
}

/** The course of a training run as figures. */
function trainingSection(training, run) {
    const charts = training.figures.map((own) => chartOf(own, run)).filter((chart) => chart.series.length);
    return h("div", { class: "figures" }, charts.map(figure));
}

function start() {
    const data = JSON.parse(document.getElementById("data").textContent);
    const runs = data.runs.map(({ name, report }, position) => ({
        name, report, position, columns: report.layout?.columns ?? ["total"],
        classes: Array.isArray(report.classes) ? report.classes : [],
    }));
    const severalRuns = runs.length > 1;
    const { training } = data;
    // What stands above the run that is shown.
    const common = training
        ? { id: "training", title: "Training", link: "Training", content: trainingSection(training, runs[0]) }
        : severalRuns && { id: "runs", title: "Runs side by side", link: "Runs", content: comparison(runs) };
    const sizes = h("div");
    const links = h("div");
    const place = h("div");
    const section = ({ id, title, content }) => h("section", { id, "aria-label": title }, h("h2", {}, title), content);
    function show(run) {
        const sections = sectionsOf(run);
        sizes.replaceChildren(facts(run));
        place.replaceChildren(...sections.map(section));
        const all = common ? [common, ...sections] : sections;
        links.replaceChildren(...all.map(({ id, link }) => h("a", { href: `#${id}` }, link)));
        for (const node of document.querySelectorAll("figure")) node.fit();
    }

    const task = taskTitles.get(runs[0].report.task) ?? runs[0].report.task;
    const top = document.getElementById("top");
    top.append(h("div", { class: "title" },
        h("div", {},
            h("h1", {}, severalRuns && !training ? `${task}: ${runs.length} runs` : task),
            (training || !severalRuns) && h("p", { class: "muted" }, training?.name ?? runs[0].name)),
        themeButton()));
    top.after(h("nav", { "aria-label": "sections" }, links));
    const main = document.getElementById("main");
    if (common) main.append(section(common));
    if (severalRuns) {
        const buttons = runButtons(runs, training ? "Measured on:" : "Shown below:", show);
        main.append(buttons.node, sizes, place);
        buttons.press(0);
    } else {
        top.append(sizes);
        main.append(place);
        show(runs[0]);
    }
    main.append(h("footer", {}, `Made by ${data.program} ${runs[0].report.version ?? ""}. This file needs no network.`));
    document.documentElement.dataset.ready = "true";
}

start();
