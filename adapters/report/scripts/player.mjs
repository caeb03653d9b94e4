// The player: one interaction, step by step, by click, by key or by itself.

import { badge, byId, el, shapeOf, stateColour, stateLabel } from "./dom.mjs";
import { makeDiagram } from "./diagram.mjs";
import { clock, count, counted, day, duration, words } from "./format.mjs";
import { marksOf, stepOf, stretches } from "./recording.mjs";

const PACE_MS = 900;
const DECISIONS = {
  move: "It moves",
  stay: "It stays",
  late: "Late: nothing changes",
  ignore: "Ignored",
  reject: "Rejected",
};

/** Start the player. neighbour(interaction, by) names the one before or after; null for none. */
export function startPlayer(recording, neighbour) {
  const dialog = byId("player");
  const view = { recording, dialog, neighbour, i: 0, place: 0, size: 0, timer: 0, mark: null };
  view.show = makeDiagram(recording, byId("stage-diagram"));
  const acts = {
    "step-first": () => go(view, 0),
    "step-back": () => go(view, view.place - 1),
    "step-next": () => go(view, view.place + 1),
    "step-last": () => go(view, view.size - 1),
    "step-mark": () => nextMark(view),
    play: () => playOrPause(view),
    "previous-one": () => other(view, -1),
    "next-one": () => other(view, 1),
    close: () => dialog.close(),
  };
  for (const [id, act] of Object.entries(acts)) byId(id).addEventListener("click", act);
  byId("scrub").addEventListener("input", (event) => go(view, Number(event.target.value)));
  byId("steps").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) go(view, Number(button.dataset.place));
  });
  dialog.addEventListener("keydown", (event) => onPlayerKey(view, event));
  dialog.addEventListener("close", () => {
    pause(view);
    document.documentElement.style.overflow = "";
    remember("");
  });
  return {
    open(i, place = 0) {
      load(view, i, place);
      if (dialog.open) return;
      document.documentElement.style.overflow = "hidden";
      dialog.showModal();
      byId("player-title").focus();
    },
  };
}

// --- one interaction ------------------------------------------------------------------------------

function load(view, i, place) {
  pause(view);
  const { recording } = view;
  const { interactions, texts, first } = recording;
  view.i = i;
  view.size = first[i + 1] - first[i];
  view.marked = new Map();
  for (const { mark, step } of marksOf(recording, i)) {
    view.marked.set(step, [...(view.marked.get(step) ?? []), recording.marks[mark]]);
  }
  byId("player-title").textContent = interactions.id[i];
  const group = texts[interactions.group[i]];
  const parts = [
    counted(recording.holdsOf[i].length, "hold"),
    counted(view.size, "step"),
    group ? `skill group ${group}` : null,
    `${words(texts[interactions.state[i]])} at the end`,
  ];
  byId("player-about").textContent = parts.filter(Boolean).join(" · ");
  byId("scrub").max = String(Math.max(0, view.size - 1));
  byId("step-mark").disabled = view.marked.size === 0;
  byId("previous-one").disabled = view.neighbour(i, -1) === null;
  byId("next-one").disabled = view.neighbour(i, 1) === null;
  fillSteps(view);
  fillLane(view);
  go(view, place);
}

function fillSteps(view) {
  const { recording, i, size } = view;
  const { before, more } = recording.interactions;
  const begins = recording.at[recording.first[i]];
  const items = [];
  if (before[i]) items.push(leftOut(before[i], "earlier"));
  for (let place = 0; place < size; place += 1) {
    const step = stepOf(recording, i, place);
    const moved = step.source !== step.target;
    const marks = view.marked.get(place) ?? [];
    const button = el(
      "button",
      { type: "button" },
      el("span", {}, words(step.event)),
      el("span", { class: "when" }, place ? `+${duration(step.at - begins)}` : clock(recording.base + step.at).slice(0, 8)),
      moved ? el("span", { class: "change" }, "→", stateLabel(step.target)) : null,
      marks.length ? el("span", { class: "change" }, ...marks.map((mark) => badge(mark))) : null,
    );
    button.dataset.place = String(place);
    items.push(el("li", {}, button));
  }
  if (more[i]) items.push(leftOut(more[i], "later"));
  if (!size) items.push(el("li", { class: "left-out" }, "Nothing happened to it in this recording."));
  byId("steps").replaceChildren(...items);
}

function leftOut(many, which) {
  return el("li", { class: "left-out" }, `${count(many)} ${which} steps are left out.`);
}

/** The interaction as a bar in the colours of its states; its own time, from edge to edge. */
function fillLane(view) {
  const { recording, i } = view;
  const parts = stretches(recording, i);
  const from = parts[0]?.from ?? 0;
  const to = Math.max(parts.at(-1)?.to ?? 1, from + 1);
  view.lane = { from, to };
  const bars = parts.map(({ state, from: start, to: end }) => {
    const name = recording.states[state]?.name ?? "";
    const bar = el("i", { class: `bar-part ${name === "active" || name === "closed" ? "thin" : ""}` });
    bar.style.left = `${((start - from) / (to - from)) * 100}%`;
    bar.style.width = `${((end - start) / (to - from)) * 100}%`;
    bar.style.background = stateColour(name);
    return bar;
  });
  view.needle = el("i", { class: "needle" });
  byId("stage-lane").replaceChildren(el("div", { class: "track" }, ...bars, view.needle));
}

// --- one step -------------------------------------------------------------------------------------

function go(view, wanted) {
  view.place = Math.min(Math.max(wanted, 0), Math.max(0, view.size - 1));
  const step = view.size ? stepOf(view.recording, view.i, view.place) : null;
  const state = view.recording.texts[view.recording.interactions.state[view.i]];
  view.show(step ?? { source: state, target: state, isRules: false, row: null });
  byId("scrub").value = String(view.place);
  byId("position").textContent = view.size ? `${count(view.place + 1)} of ${count(view.size)}` : "no steps";
  byId("step-first").disabled = byId("step-back").disabled = view.place === 0;
  byId("step-last").disabled = byId("step-next").disabled = view.place >= view.size - 1;
  const { from, to } = view.lane;
  view.needle.style.left = `${(((step?.at ?? from) - from) / (to - from)) * 100}%`;
  for (const button of byId("steps").querySelectorAll("button")) {
    const isNow = Number(button.dataset.place) === view.place;
    if (!isNow) button.removeAttribute("aria-current");
    else {
      button.setAttribute("aria-current", "step");
      keepInSight(byId("steps"), button);
    }
  }
  fillDetail(view, step);
  remember(`id=${encodeURIComponent(view.recording.interactions.id[view.i])}&step=${view.place + 1}`);
}

/** Scroll a box so that an element in it is seen, and nothing else. */
function keepInSight(box, element) {
  const inner = element.getBoundingClientRect();
  const outer = box.getBoundingClientRect();
  if (inner.top < outer.top) box.scrollTop -= outer.top - inner.top + 6;
  if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom + 6;
}

function fillDetail(view, step) {
  const box = byId("detail");
  if (!step) {
    box.replaceChildren(el("h3", { id: "detail-title" }, "No steps"));
    return;
  }
  const { base, first, at } = view.recording;
  const begins = at[first[view.i]];
  const marks = view.marked.get(view.place) ?? [];
  const since = view.place ? `, ${duration(step.at - begins)} after the first` : "";
  const number = step.seq ? ` · record ${count(step.seq)}` : "";
  box.replaceChildren(
    el("h3", { id: "detail-title" }, words(step.event)),
    el("p", { class: "soft" }, step.doc),
    ...marks.map((mark) => el("p", { class: mark.grave ? "noted grave" : "noted" }, shapeOf(mark.group), sentence(mark.words))),
    ...section("When", [el("p", {}, `${day(base + step.at)} ${clock(base + step.at)}${since}${number}`)]),
    ...section("State", [movement(step)]),
    ...section("Why", why(step)),
    ...section("Rules", step.traces.map((trace) => el("pre", {}, unindented(trace)))),
    ...section("What it said", lines(step.said, base)),
    ...section("What was asked for", lines(step.asked, base)),
  );
}

function section(name, content) {
  return content.length ? [el("h4", {}, name), ...content] : [];
}

function movement(step) {
  if (step.source === step.target) return el("div", { class: "move" }, "stays", stateLabel(step.target));
  return el("div", { class: "move" }, stateLabel(step.source), "→", stateLabel(step.target));
}

function why(step) {
  if (!step.reason) return [];
  const decision = DECISIONS[step.decision] ?? "";
  return [el("p", {}, `${decision}${step.error ? ` (${step.error})` : ""}. ${sentence(step.reason)}`)];
}

function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}

function lines(found, base) {
  if (!found.length) return [];
  const figure = {
    duration: (value) => duration(value),
    instant: (value) => `at ${clock(base + value)}`,
    id: (value) => el("code", {}, value),
  };
  const items = found.map(({ strong, parts }) => {
    const shown = parts.map((part) => (typeof part === "string" ? part : figure[part.kind](part.value)));
    return el("li", {}, ...(strong ? [el("strong", {}, ...shown)] : shown));
  });
  return [el("ul", {}, ...items)];
}

function unindented(trace) {
  return trace.replaceAll(/^ {2}/gm, "");
}

// --- moving ---------------------------------------------------------------------------------------

function nextMark(view) {
  pause(view);
  const places = [...view.marked.keys()].sort((one, two) => one - two);
  const next = places.find((place) => place > view.place) ?? places[0];
  if (next !== undefined) go(view, next);
}

function other(view, by) {
  const i = view.neighbour(view.i, by);
  if (i !== null) load(view, i, 0);
}

function playOrPause(view) {
  if (view.timer) {
    pause(view);
    return;
  }
  if (view.size < 2) return;
  if (view.place >= view.size - 1) go(view, 0);
  byId("play").textContent = "Pause";
  byId("detail").setAttribute("aria-live", "off");
  view.timer = setInterval(() => {
    go(view, view.place + 1);
    if (view.place >= view.size - 1) pause(view);
  }, PACE_MS);
}

function pause(view) {
  clearInterval(view.timer);
  view.timer = 0;
  byId("play").textContent = "Play";
  byId("detail").setAttribute("aria-live", "polite");
}

function onPlayerKey(view, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const step = {
    ArrowLeft: () => go(view, view.place - 1),
    ArrowRight: () => go(view, view.place + 1),
    Home: () => go(view, 0),
    End: () => go(view, view.size - 1),
    m: () => nextMark(view),
    n: () => other(view, 1),
    p: () => other(view, -1),
  };
  if (key === " " && event.target.tagName !== "BUTTON") {
    event.preventDefault();
    playOrPause(view);
  } else if (step[key]) {
    event.preventDefault();
    if (key !== "n" && key !== "p") pause(view);
    step[key]();
  }
}

/** Keep the place in the address, so that it can be handed on; nothing is loaded. */
function remember(fragment) {
  try {
    history.replaceState(null, "", fragment ? `#${fragment}` : location.pathname + location.search);
  } catch {
    // Where the browser does not let a file do that, the address stays as it is.
  }
}
