// The page: unpack the recording, bring its parts to life, and keep them on the same interactions.

import { startDistribution } from "./charts.mjs";
import { byId, el, say, shapeOf, showTip, stateColour } from "./dom.mjs";
import { find, summaries } from "./finding.mjs";
import { count, counted, words } from "./format.mjs";
import { startLanes } from "./lanes.mjs";
import { startList } from "./list.mjs";
import { startPlayer } from "./player.mjs";
import { inflate, unpack } from "./recording.mjs";
import { startTheme } from "./theme.mjs";

const HOLD_KINDS = [
  { label: "ended by an unhold", colour: "--c-1" },
  { label: "released at the limit", colour: "--c-6" },
  { label: "ended by somebody else", colour: "--c-3" },
  { label: "ended with the interaction", colour: "--c-5" },
  { label: "still on hold, or its end unseen", colour: "--c-2" },
];
const ENDS = { unhold: 0, "released at its limit": 1, "released by somebody else": 2, "interaction ended": 3 };
const ACK_KINDS = [
  { label: "hold", colour: "--c-1" },
  { label: "unhold", colour: "--c-4" },
  { label: "late", colour: "--c-6" },
];
const PAUSE_MS = 150;

start().catch((error) => {
  byId("loading").hidden = true;
  const trouble = byId("trouble");
  trouble.hidden = false;
  trouble.textContent =
    `The recording in this page cannot be shown (${error.message}).` +
    " It needs a browser of 2023 or later; the figures above are complete without it.";
});

async function start() {
  startTheme();
  const began = performance.now();
  const recording = unpack(await inflate(byId("data").textContent));
  const summary = summaries(recording);
  const page = { recording, summary, ids: [], wanted: nothingWanted() };
  page.noteworthy = find(recording, summary, { ...page.wanted, noteworthy: true }).length;
  byId("loading").hidden = true;
  for (const id of ["filters", "timeline", "interactions", "distributions"]) byId(id).hidden = false;
  page.player = startPlayer(recording, (i, by) => page.listed[page.listed.indexOf(i) + by] ?? null);
  const open = (i, step) => page.player.open(i, step);
  page.lanes = startLanes(recording, open);
  page.list = startList(recording, summary, {
    open,
    reorder: (order, down) => {
      Object.assign(page, { order, down });
      fillList(page);
    },
  });
  Object.assign(page, { order: "severity", down: true, onlyNoteworthy: page.noteworthy > 0 });
  page.holds = startDistribution("holds", HOLD_KINDS, "holds", (...range) => among(page, "holds", ...range));
  page.acks = startDistribution("acks", ACK_KINDS, "acknowledgements", (...range) => among(page, "acks", ...range));
  startFilters(page);
  startLegend(recording);
  refresh(page);
  openAddressed(page);
  addEventListener("hashchange", () => openAddressed(page));
  addEventListener("scroll", () => showTip(null), { passive: true });
  document.documentElement.dataset.ready = String(Math.round(performance.now() - began));
}

function nothingWanted() {
  return { query: "", group: "", mark: "", noteworthy: false, among: null, order: "begins", down: false };
}

// --- filters --------------------------------------------------------------------------------------

function startFilters(page) {
  const { recording, summary } = page;
  const form = byId("filters");
  const counts = recording.marks.map((_, number) => summary.markSet.reduce((sum, set) => sum + ((set >> number) & 1), 0));
  fillMarks(recording, counts);
  fillGroups(page);
  let timer = 0;
  form.addEventListener("submit", (event) => event.preventDefault());
  byId("query").addEventListener("input", (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => want(page, { query: event.target.value }), PAUSE_MS);
  });
  byId("mark").addEventListener("change", (event) => want(page, { mark: event.target.value }));
  form.addEventListener("reset", () => {
    want(page, nothingWanted());
    byId("query").focus();
  });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && !byId("player").open) {
      event.preventDefault();
      byId("query").focus();
    }
  });
  byId("noteworthy").addEventListener("click", () => chooseList(page, true));
  byId("everything").addEventListener("click", () => chooseList(page, false));
  byId("noteworthy").textContent = `Noteworthy ${count(page.noteworthy)}`;
  byId("everything").textContent = `All ${count(recording.size)}`;
}

function fillMarks(recording, counts) {
  const groups = Object.entries(recording.groups).map(([group, label]) => {
    const options = recording.marks.flatMap((mark, number) =>
      mark.group === group && counts[number] ? [new Option(`${mark.words} (${count(counts[number])})`, String(number))] : [],
    );
    return options.length ? el("optgroup", { label }, ...options) : null;
  });
  byId("mark").replaceChildren(new Option("Whatever happened", ""), ...groups.filter(Boolean));
}

function fillGroups(page) {
  const { recording, summary } = page;
  const buttons = Object.entries(recording.groups).map(([group, label]) => {
    const many = find(recording, summary, { ...nothingWanted(), group }).length;
    const button = el(
      "button",
      {
        type: "button",
        class: "chip",
        disabled: many === 0,
        "aria-pressed": "false",
        click: () => want(page, { group: page.wanted.group === group ? "" : group }),
      },
      shapeOf(group),
      label,
      el("span", { class: "number" }, count(many)),
    );
    button.dataset.group = group;
    return button;
  });
  byId("groups").replaceChildren(...buttons);
}

function want(page, changes) {
  Object.assign(page.wanted, changes);
  refresh(page);
}

function chooseList(page, onlyNoteworthy) {
  page.onlyNoteworthy = onlyNoteworthy;
  fillList(page);
}

/** Look only at the interactions with a hold, or an acknowledgement, of such a length. */
function among(page, name, from, to, range) {
  const { recording } = page;
  const found = new Set();
  for (const { i, value } of values(recording, name)) {
    if (value >= from && value < to) found.add(i);
  }
  const what = name === "holds" ? "on hold" : "acknowledged in";
  const away = el("button", { type: "button", click: () => want(page, { among: null }) }, "×");
  away.setAttribute("aria-label", "Remove this filter");
  byId("among").replaceChildren(`${what} ${range}`, away);
  want(page, { among: found });
  byId("filters").scrollIntoView({ block: "nearest" });
}

// --- what is shown --------------------------------------------------------------------------------

function refresh(page) {
  const { recording, summary, wanted } = page;
  page.ids = find(recording, summary, wanted);
  const isFiltered = Boolean(wanted.query.trim() || wanted.group || wanted.mark || wanted.among);
  const all = counted(recording.size, "interaction");
  byId("found").textContent = isFiltered ? `${count(page.ids.length)} of ${all}` : all;
  byId("clear").hidden = !isFiltered;
  byId("among").hidden = wanted.among === null;
  for (const button of byId("groups").children) {
    button.setAttribute("aria-pressed", String(button.dataset.group === wanted.group));
  }
  page.lanes.show(page.ids);
  fillList(page);
  fillDistributions(page, isFiltered);
}

function fillList(page) {
  const { recording, summary, wanted, order, down, onlyNoteworthy } = page;
  page.listed = find(recording, summary, { ...wanted, order, down, noteworthy: onlyNoteworthy });
  byId("noteworthy").setAttribute("aria-pressed", String(onlyNoteworthy));
  byId("everything").setAttribute("aria-pressed", String(!onlyNoteworthy));
  page.list.show(page.listed, order, down);
  const empty = byId("list-empty");
  empty.hidden = page.listed.length > 0;
  empty.textContent = emptyWords(page);
  const many = counted(page.listed.length, "interaction");
  byId("list-lead").textContent = onlyNoteworthy
    ? `${many} to which something happened that is worth a look, gravest first. Choose one to play it.`
    : `${many}. Choose one to play it.`;
}

function emptyWords({ recording, onlyNoteworthy, ids }) {
  if (recording.size === 0) return "Nothing was recorded.";
  if (onlyNoteworthy && ids.length > 0) return "Nothing noteworthy happened to these interactions.";
  return "No interaction fits the search.";
}

function fillDistributions(page, isFiltered) {
  const chosen = isFiltered ? new Set(page.ids) : null;
  for (const name of ["holds", "acks"]) {
    const found = values(page.recording, name).filter(({ i }) => !chosen || chosen.has(i));
    page[name].show(
      found.map((one) => one.value),
      found.map((one) => one.kind),
    );
  }
}

/** Each hold or acknowledgement: its interaction, -1 where that is not told, length and kind. */
function values({ holds, acks, texts, span }, name) {
  if (name === "acks") {
    return acks.i.map((i, at) => ({ i, value: acks.us[at], kind: acks.flags[at] & 2 ? 2 : acks.flags[at] }));
  }
  return holds.i.flatMap((i, at) => {
    if (holds.since[at] === null) return [];
    const until = holds.until[at] ?? span;
    const kind = holds.until[at] === null ? 4 : (ENDS[texts[holds.ended[at]]] ?? 4);
    return [{ i, value: Math.max(0, until - holds.since[at]), kind }];
  });
}

function startLegend(recording) {
  const states = recording.states.map(({ name }) => {
    const swatch = el("i", { class: name === "active" || name === "closed" ? "swatch thin" : "swatch" });
    swatch.style.background = stateColour(name);
    return el("span", {}, swatch, words(name));
  });
  const groups = Object.entries(recording.groups).map(([group, label]) => el("span", {}, shapeOf(group), label.toLowerCase()));
  byId("legend").replaceChildren(...states, ...groups);
}

/** Open the interaction that the address names, if it does. */
function openAddressed(page) {
  const asked = new URLSearchParams(location.hash.slice(1));
  const id = asked.get("id");
  if (!id) return;
  const i = page.recording.interactions.id.findIndex((one) => one.toLowerCase() === id.toLowerCase());
  if (i < 0) say(`There is no interaction ${id} in this report.`);
  else page.player.open(i, Math.max(0, Number(asked.get("step") ?? 1) - 1));
}
