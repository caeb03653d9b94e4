// Distributions as bars, each with its table; a bar or a row of the table chooses what is in it.

import { axis, followWidth } from "./axes.mjs";
import { histogram, quantile } from "./counting.mjs";
import { byId, el, showTip } from "./dom.mjs";
import { count, counted, duration, tick } from "./format.mjs";
import { colour, onColours } from "./theme.mjs";

const HEIGHT = 230;

/**
 * Start a distribution.
 *
 * name: what the ids of its elements begin with. kinds: [{label, colour}], bottom first. what: what
 * is counted, for "no holds". pick(from, to, words) is called for a bar that is chosen.
 */
export function startDistribution(name, kinds, what, pick) {
  const view = { name, kinds, what, pick, chart: null, found: null, width: 0 };
  const box = byId(`${name}-chart`);
  followWidth(box, (width) => {
    view.width = width;
    drawBars(view, box);
  });
  onColours(() => view.chart?.redraw(false));
  byId(`${name}-legend`).replaceChildren(
    ...kinds.map((kind) => {
      const swatch = el("i", { class: "swatch" });
      swatch.style.background = `var(${kind.colour})`;
      return el("span", {}, swatch, kind.label);
    }),
  );
  return {
    /** values: durations in microseconds; categories: the place of the kind of each. */
    show(values, categories) {
      view.found = histogram(values, categories, kinds.length);
      view.size = values.length;
      tellQuantiles(view, Float64Array.from(values).sort());
      fillTable(view);
      drawBars(view, box);
    },
  };
}

function drawBars(view, box) {
  view.chart?.destroy();
  view.chart = null;
  if (!view.width || !view.found) return;
  if (view.size === 0) {
    box.replaceChildren(el("p", { class: "empty" }, `No ${view.what} among these interactions.`));
    return;
  }
  box.replaceChildren();
  const { edges, counts } = view.found;
  const bins = edges.length - 1;
  const sums = counts.map((_, kind) => counts[0].map((__, bin) => counts.slice(0, kind + 1).reduce((sum, one) => sum + one[bin], 0)));
  const bars = uPlot.paths.bars({ size: [0.94, 90], align: bins === 1 ? 0 : 1, radius: 0.06 });
  const most = Math.max(...sums[sums.length - 1]);
  const labels = Math.max(2, Math.floor(view.width / 62));
  const every = Math.max(1, Math.ceil((bins + 1) / labels));
  view.chart = new uPlot(
    {
      width: view.width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { x: false, y: false, points: { show: false }, drag: { x: false, y: false } },
      padding: [12, 18, 0, 4],
      scales: {
        x: { time: false, range: bins === 1 ? [-0.5, 0.5] : [0, bins] },
        y: { range: [0, most * 1.06] },
      },
      axes: [
        axis({
          splits: () => edges.map((_, at) => (bins === 1 ? at - 0.5 : at)).filter((_, at) => at % every === 0),
          values: (_, splits) => splits.map((at) => tick(edges[Math.round(bins === 1 ? at + 0.5 : at)])),
          grid: { show: false },
          size: 34,
        }),
        axis({ size: 58, space: 30, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4], values: (_, all) => all.map(count) }),
      ],
      series: [
        {},
        ...view.kinds
          .map((kind) => ({ label: kind.label, width: 0, points: { show: false }, paths: bars, fill: () => colour(kind.colour) }))
          .reverse(),
      ],
    },
    [counts[0].map((_, bin) => bin), ...sums.reverse()],
    box,
  );
  const { over } = view.chart;
  const binAt = (event) => {
    const at = view.chart.posToVal(event.clientX - over.getBoundingClientRect().left, "x");
    return Math.min(Math.max(Math.floor(bins === 1 ? at + 0.5 : at), 0), bins - 1);
  };
  over.style.cursor = "pointer";
  over.addEventListener("mousemove", (event) => tell(view, binAt(event), event));
  over.addEventListener("mouseleave", () => showTip(null));
  over.addEventListener("click", (event) => chooseBin(view, binAt(event)));
}

function range({ found }, bin) {
  return `${tick(found.edges[bin])} to ${tick(found.edges[bin + 1])}`;
}

function total({ found }, bin) {
  return found.counts.reduce((sum, one) => sum + one[bin], 0);
}

function tell(view, bin, event) {
  const lines = view.kinds
    .map((kind, at) => [kind.label, view.found.counts[at][bin]])
    .filter(([, many]) => many > 0)
    .map(([label, many]) => el("div", {}, `${count(many)} ${label}`));
  showTip([el("div", {}, range(view, bin)), ...(lines.length ? lines : ["none"])], event.clientX, event.clientY);
}

function chooseBin(view, bin) {
  showTip(null);
  if (total(view, bin) === 0) return;
  // The last bin takes what is beyond it.
  const to = bin === view.found.edges.length - 2 ? Infinity : view.found.edges[bin + 1];
  view.pick(bin === 0 ? -Infinity : view.found.edges[bin], to, range(view, bin));
}

function tellQuantiles(view, values) {
  const shares = [["median", 0.5], ["95 %", 0.95], ["99 %", 0.99], ["longest", 1]];
  const parts = shares.flatMap(([label, share], at) => [
    at ? " · " : "",
    `${label} `,
    el("b", {}, duration(quantile(values, share))),
  ]);
  const many = counted(values.length, view.what.replace(/s$/, ""), view.what);
  byId(`${view.name}-quantiles`).replaceChildren(...(values.length ? [`${many} · `, ...parts] : [many]));
}

function fillTable(view) {
  const { edges } = view.found;
  const rows = [];
  for (let bin = 0; bin < edges.length - 1; bin += 1) {
    const show = el("button", { type: "button", click: () => chooseBin(view, bin), disabled: total(view, bin) === 0 }, "show");
    show.setAttribute("aria-label", `show ${range(view, bin)}`);
    rows.push(
      el(
        "tr",
        {},
        el("th", { scope: "row" }, range(view, bin)),
        view.found.counts.map((one) => el("td", { class: "figure" }, count(one[bin]))),
        el("td", {}, show),
      ),
    );
  }
  const heads = view.kinds.map((kind) => el("th", { scope: "col", class: "figure" }, kind.label));
  byId(`${view.name}-table`).replaceChildren(
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "duration"), heads, el("th", { scope: "col" }, el("span", { class: "hidden" }, "show")))),
      el("tbody", {}, rows),
    ),
  );
}
