// The timeline: how many callers were on hold, and a lane for each interaction, drawn through uPlot.
// However many lanes there are, only those that are seen are drawn.

import { axis, followWidth, timeLabels } from "./axes.mjs";
import { byId, el, say, SHAPES, showTip } from "./dom.mjs";
import { clock, counted, duration, short, words } from "./format.mjs";
import { DRAG, fillLoad, follow, makeLoad, setTime, spaceOf, tellTime, timeScale } from "./load.mjs";
import { HOLDING, marksOf, stretches } from "./recording.mjs";
import { colour, onColours, stateColourOf } from "./theme.mjs";

const ROW = 24;
const TOP = 30;
const LANES_SEEN = 14;
const THICKNESS = { active: 2, closed: 2, hold_pending: 6 };
const MARKER = 10;

/** Start the timeline. open(interaction, step) is called for a lane that is chosen. */
export function startLanes(recording, open) {
  const view = {
    recording,
    open,
    ids: [],
    active: 0,
    box: byId("lanes"),
    space: document.querySelector(".lanes-space"),
    from: recording.base / 1e6,
    to: (recording.base + Math.max(recording.span, 1e6)) / 1e6,
    lanes: null,
    load: null,
    drawn: new Map(),
    waiting: false,
  };
  const margin = (view.to - view.from) * 0.01;
  view.from -= margin;
  view.to += margin;
  view.whole = [view.from, view.to];
  view.shapes = Object.fromEntries(
    Object.entries(SHAPES).map(([group, { path, filled }]) => [group, { path: new Path2D(path), filled }]),
  );
  followWidth(view.box, (width) => build(view, width));
  view.box.addEventListener("scroll", () => redraw(view), { passive: true });
  view.box.addEventListener("keydown", (event) => onLanesKey(view, event));
  view.box.addEventListener("focus", () => redraw(view));
  view.box.addEventListener("blur", () => redraw(view));
  onColours(() => view.lanes && (redraw(view), view.load.redraw(false)));
  for (const [id, act] of Object.entries({
    earlier: () => pan(view, -0.5),
    later: () => pan(view, 0.5),
    "zoom-in": () => zoom(view, 0.5),
    "zoom-out": () => zoom(view, 2),
    whole: () => setTime(view, ...view.whole),
  })) {
    byId(id).addEventListener("click", act);
  }
  return { show: (ids) => show(view, ids) };
}

/** Show these interactions, and no others. */
function show(view, ids) {
  view.ids = ids;
  view.active = 0;
  view.drawn.clear();
  view.box.scrollTop = 0;
  view.box.hidden = ids.length === 0;
  byId("lanes-empty").hidden = ids.length !== 0;
  const height = heightOf(view);
  view.box.style.height = `${height}px`;
  view.space.style.height = `${TOP + ids.length * ROW}px`;
  view.lanes?.setSize({ width: view.lanes.width, height });
  fillLoad(view);
  redraw(view);
}

function heightOf(view) {
  return TOP + Math.max(1, Math.min(view.ids.length, LANES_SEEN)) * ROW + 1;
}

// --- building -------------------------------------------------------------------------------------

function build(view, width) {
  const gutter = width < 600 ? 70 : 86;
  view.lanes?.destroy();
  view.load?.destroy();
  view.load = makeLoad(view, width, gutter);
  view.lanes = makeLanes(view, width, gutter);
  fillLoad(view);
}

function makeLanes(view, width, gutter) {
  const chart = new uPlot(
    {
      width,
      height: heightOf(view),
      legend: { show: false },
      cursor: DRAG,
      padding: [0, 12, 0, 0],
      scales: { x: timeScale(view), y: { range: [0, 1] } },
      axes: [
        axis({ side: 0, size: TOP, values: timeLabels, space: spaceOf(width) }),
        axis({ size: gutter, values: () => [], grid: { show: false }, ticks: { show: false } }),
      ],
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: { draw: [(chart) => drawLanes(view, chart)], ...follow(view) },
    },
    [[view.from, view.to], [null, null]],
    document.querySelector(".lanes-view"),
  );
  view.waiting = true;
  chart.setScale("x", { min: view.from, max: view.to });
  view.waiting = false;
  tellTime(view);
  let pressed = 0;
  chart.over.addEventListener("mousedown", (event) => (pressed = event.clientX));
  chart.over.addEventListener("click", (event) => {
    if (Math.abs(event.clientX - pressed) < 5) chooseLane(view, event);
  });
  chart.over.addEventListener("mousemove", (event) => tellLane(view, event));
  chart.over.addEventListener("mouseleave", () => showTip(null));
  return chart;
}

// --- drawing --------------------------------------------------------------------------------------

function redraw(view) {
  if (!view.lanes || view.frame) return;
  view.frame = requestAnimationFrame(() => {
    view.frame = 0;
    view.lanes.redraw(false, false);
  });
}

function partsOf(view, i) {
  let found = view.drawn.get(i);
  if (!found) {
    if (view.drawn.size > 2000) view.drawn.clear();
    found = { stretches: stretches(view.recording, i), marks: marksOf(view.recording, i) };
    view.drawn.set(i, found);
  }
  return found;
}

function drawLanes(view, chart) {
  const { ctx, bbox } = chart;
  const ratio = uPlot.pxRatio;
  const offset = view.box.scrollTop;
  const first = Math.floor(offset / ROW);
  const last = Math.min(view.ids.length - 1, Math.ceil((offset + bbox.height / ratio) / ROW));
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, bbox.top, bbox.left + bbox.width + 12 * ratio, bbox.height);
  ctx.clip();
  for (let lane = first; lane <= last; lane += 1) {
    const middle = bbox.top + ((lane + 0.5) * ROW - offset) * ratio;
    drawLane(view, chart, lane, middle, ratio);
  }
  ctx.restore();
}

function drawLane(view, chart, lane, middle, ratio) {
  const { ctx, bbox } = chart;
  const i = view.ids[lane];
  const isActive = lane === view.active && document.activeElement === view.box;
  const half = (ROW / 2) * ratio;
  if (isActive) {
    ctx.fillStyle = colour("--raised");
    ctx.fillRect(0, middle - half, bbox.left + bbox.width + 12 * ratio, ROW * ratio);
  }
  ctx.fillStyle = colour(isActive ? "--text" : "--soft");
  ctx.font = `${11 * ratio}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  ctx.fillText(short(view.recording.interactions.id[i]), bbox.left - 10 * ratio, middle);
  ctx.fillStyle = colour("--line");
  ctx.fillRect(bbox.left, middle + half - ratio, bbox.width, ratio);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, middle - half, bbox.width + 8 * ratio, ROW * ratio);
  ctx.clip();
  const { stretches: parts, marks } = partsOf(view, i);
  for (const { state, from, to } of parts) {
    const name = view.recording.states[state]?.name ?? "";
    const left = position(view, chart, from);
    const width = Math.max(position(view, chart, to) - left, 1.5 * ratio);
    const thick = (THICKNESS[name] ?? 12) * ratio;
    ctx.fillStyle = stateColourOf(name);
    ctx.fillRect(left, middle - thick / 2, width, thick);
  }
  for (const mark of marks) drawMark(view, chart, mark, middle, ratio);
  ctx.restore();
}

function drawMark(view, chart, { mark, at }, middle, ratio) {
  const { ctx } = chart;
  const { group, grave } = view.recording.marks[mark];
  const { path, filled } = view.shapes[group];
  ctx.save();
  ctx.translate(position(view, chart, at) - (MARKER / 2) * ratio, middle - (MARKER / 2) * ratio);
  ctx.scale(ratio, ratio);
  ctx.lineJoin = "round";
  ctx.strokeStyle = colour("--card");
  ctx.lineWidth = 4.5;
  ctx.stroke(path);
  ctx.fillStyle = ctx.strokeStyle = colour(grave ? "--grave" : "--text");
  ctx.lineWidth = 1.8;
  if (filled) ctx.fill(path);
  else {
    ctx.stroke(path);
  }
  ctx.restore();
}

function position(view, chart, at) {
  return chart.valToPos((view.recording.base + at) / 1e6, "x", true);
}

// --- moving ---------------------------------------------------------------------------------------

function zoom(view, factor) {
  const middle = (view.from + view.to) / 2;
  const half = ((view.to - view.from) / 2) * factor;
  setTime(view, middle - half, middle + half);
}

function pan(view, share) {
  const by = (view.to - view.from) * share;
  setTime(view, view.from + by, view.to + by);
}

function onLanesKey(view, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const page = Math.max(1, Math.floor((view.box.clientHeight - TOP) / ROW) - 1);
  const acts = {
    ArrowDown: () => activateLane(view, view.active + 1),
    ArrowUp: () => activateLane(view, view.active - 1),
    PageDown: () => activateLane(view, view.active + page),
    PageUp: () => activateLane(view, view.active - page),
    Home: () => activateLane(view, 0),
    End: () => activateLane(view, view.ids.length - 1),
    ArrowLeft: () => pan(view, -0.2),
    ArrowRight: () => pan(view, 0.2),
    "+": () => zoom(view, 0.5),
    "=": () => zoom(view, 0.5),
    "-": () => zoom(view, 2),
    0: () => setTime(view, ...view.whole),
    Enter: () => view.ids.length && view.open(view.ids[view.active], 0),
  };
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
}

function activateLane(view, lane) {
  view.active = Math.min(Math.max(lane, 0), Math.max(view.ids.length - 1, 0));
  const top = view.active * ROW;
  const seen = view.box.clientHeight - TOP;
  if (top < view.box.scrollTop) view.box.scrollTop = top;
  if (top + ROW > view.box.scrollTop + seen) view.box.scrollTop = top + ROW - seen;
  redraw(view);
  const i = view.ids[view.active];
  if (i === undefined) return;
  const { interactions, holdsOf, texts } = view.recording;
  const state = words(texts[interactions.state[i]]);
  say(`${interactions.id[i]}, ${counted(holdsOf[i].length, "hold")}, ${state} at the end`);
}

// --- pointing -------------------------------------------------------------------------------------

function pointed(view, event) {
  const box = view.lanes.over.getBoundingClientRect();
  const lane = Math.floor((event.clientY - box.top + view.box.scrollTop) / ROW);
  if (lane < 0 || lane >= view.ids.length) return null;
  const seconds = view.lanes.posToVal(event.clientX - box.left, "x");
  const perPixel = ((view.to - view.from) * 1e6) / box.width;
  return { lane, i: view.ids[lane], at: seconds * 1e6 - view.recording.base, near: perPixel * 7 };
}

function chooseLane(view, event) {
  const found = pointed(view, event);
  if (!found) return;
  showTip(null);
  view.active = found.lane;
  const { first, at } = view.recording;
  let step = 0;
  while (first[found.i] + step + 1 < first[found.i + 1] && at[first[found.i] + step + 1] <= found.at + found.near) step += 1;
  view.open(found.i, step);
}

function tellLane(view, event) {
  const found = event.buttons ? null : pointed(view, event);
  if (!found) {
    showTip(null);
    return;
  }
  const { recording } = view;
  const { stretches: parts, marks } = partsOf(view, found.i);
  const content = [el("strong", {}, recording.interactions.id[found.i])];
  const part = parts.findLast(({ from, to }) => from <= found.at + found.near && to >= found.at - found.near);
  if (part) {
    const name = words(recording.states[part.state]?.name ?? "");
    const held = HOLDING.has(recording.states[part.state]?.name) ? ` for ${duration(part.to - part.from)}` : "";
    content.push(el("div", {}, `${name}${held}, from ${clock(recording.base + part.from)}`));
  }
  for (const { mark, at } of marks) {
    if (Math.abs(at - found.at) <= found.near) content.push(el("div", {}, recording.marks[mark].words));
  }
  showTip(content.slice(0, 8), event.clientX, event.clientY);
}
