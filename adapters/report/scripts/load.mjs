// How many callers were on hold over time; and the stretch of time that both charts of the timeline
// show, whichever of them is dragged.

import { axis } from "./axes.mjs";
import { concurrency } from "./counting.mjs";
import { byId, el, showTip } from "./dom.mjs";
import { clock, count, day, words } from "./format.mjs";
import { stretches } from "./recording.mjs";
import { stateColourOf } from "./theme.mjs";

const LOAD_HEIGHT = 118;
const LEAST_S = 0.002;
const STACK = ["held", "unhold_pending", "expired"];

/** The least distance between two labels of time. */
export function spaceOf(width) {
  return width < 600 ? 78 : 96;
}

/** What both charts do with the pointer. */
export const DRAG = { y: false, points: { show: false }, drag: { x: true, y: false, dist: 5 }, focus: { prox: -1 } };

// --- the time that is shown -----------------------------------------------------------------------

/** The scale of time of both charts: never beyond the recording, never too short to be told. */
export function timeScale(view) {
  return {
    time: true,
    range: (_, from, to) => {
      const least = Math.max(to - from, LEAST_S);
      return [Math.max(from, view.whole[0]), Math.min(Math.max(from, view.whole[0]) + least, view.whole[1])];
    },
  };
}

/** Hooks by which one chart takes the other along. */
export const follow = (view) => ({
  setScale: [
    (chart, key) => {
      if (key !== "x" || view.waiting) return;
      setTime(view, chart.scales.x.min, chart.scales.x.max);
    },
  ],
});

/** Show a stretch of time, in seconds since 1970, in both charts. */
export function setTime(view, from, to) {
  const [least, most] = view.whole;
  const width = Math.min(Math.max(to - from, LEAST_S), most - least);
  view.from = Math.min(Math.max(from, least), most - width);
  view.to = view.from + width;
  view.waiting = true;
  for (const chart of [view.load, view.lanes]) {
    chart?.batch(() => chart.setScale("x", { min: view.from, max: view.to }));
  }
  view.waiting = false;
  tellTime(view);
}

/** Say which stretch of time is shown. */
export function tellTime({ from, to }) {
  const first = [day(from * 1e6), clock(from * 1e6)];
  const last = [day(to * 1e6), clock(to * 1e6)];
  const length = to - from > 100 ? 8 : 12;
  const end = first[0] === last[0] ? last[1].slice(0, length) : `${last[0]} ${last[1].slice(0, length)}`;
  byId("shown-time").textContent = `${first[0]} ${first[1].slice(0, length)} to ${end} UTC`;
}

// --- callers on hold ------------------------------------------------------------------------------

/** Make the chart of callers on hold. */
export function makeLoad(view, width, gutter) {
  const parts = STACK.map((state) => ({
    label: words(state),
    width: 0,
    points: { show: false },
    paths: uPlot.paths.stepped({ align: 1 }),
    fill: () => stateColourOf(state),
  })).reverse();
  const chart = new uPlot(
    {
      width,
      height: LOAD_HEIGHT,
      legend: { show: false },
      cursor: DRAG,
      padding: [8, 12, 7, 0],
      scales: { x: timeScale(view), y: { range: (_, __, most) => [0, Math.max(1, most * 1.08)] } },
      axes: [
        axis({ size: 0, values: () => [], ticks: { show: false }, space: spaceOf(width) }),
        axis({ size: gutter, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4], values: (_, all) => all.map(count), space: 26 }),
      ],
      series: [{}, ...parts],
      hooks: follow(view),
    },
    [[view.from, view.to], ...parts.map(() => [0, 0])],
    byId("load"),
  );
  chart.over.addEventListener("mousemove", (event) => tellLoad(view, event));
  chart.over.addEventListener("mouseleave", () => showTip(null));
  return chart;
}

/** Count those of the interactions that are shown. */
export function fillLoad(view) {
  if (!view.load) return;
  const { recording } = view;
  const numbers = STACK.map((name) => recording.stateNumbers.get(name) ?? -1);
  const found = [];
  for (const i of view.ids) {
    for (const { state, from, to } of stretches(recording, i)) {
      const kind = numbers.indexOf(state);
      if (kind >= 0) found.push({ kind, from, to });
    }
  }
  const { at, counts } = concurrency(found, STACK.length, Math.max(recording.span, 1));
  const sums = counts.map((_, kind) => at.map((__, place) => counts.slice(0, kind + 1).reduce((sum, one) => sum + one[place], 0)));
  view.counts = counts;
  view.most = sums[STACK.length - 1].reduce((one, other) => Math.max(one, other), 0);
  view.load.setData([Array.from(at, (value) => (recording.base + value) / 1e6), ...sums.reverse()], false);
  view.load.redraw();
  view.waiting = true;
  view.load.setScale("x", { min: view.from, max: view.to });
  view.load.setScale("y", { min: 0, max: view.most });
  view.waiting = false;
  byId("load").setAttribute("aria-label", `Callers on hold over time, at most ${count(view.most)} at once`);
}

function tellLoad(view, event) {
  if (event.buttons) {
    showTip(null);
    return;
  }
  const place = view.load.cursor.idx;
  if (place === null || place === undefined) return;
  const seconds = view.load.data[0][place];
  const lines = STACK.map((state, kind) => [state, view.counts[kind][place]]).filter(([, many]) => many > 0);
  showTip(
    [
      el("div", {}, clock(seconds * 1e6)),
      ...(lines.length ? lines.map(([state, many]) => el("div", {}, `${count(many)} ${words(state)}`)) : [el("div", {}, "nobody on hold")]),
    ],
    event.clientX,
    event.clientY,
  );
}
