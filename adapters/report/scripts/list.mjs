// The list of interactions: a grid of which only the rows that are seen exist.

import { badge, byId, el, say, stateLabel } from "./dom.mjs";
import { clock, count, counted, duration, words } from "./format.mjs";
import { marksOf } from "./recording.mjs";

const COLUMNS = [
  { order: "id", label: "Interaction", class: "id" },
  { order: "begins", label: "First seen", class: "time wide" },
  { order: "holds", label: "Holds", class: "figure wide" },
  { order: "longest", label: "Longest", class: "figure" },
  { order: "ack", label: "Slowest ack", class: "figure wide" },
  { order: "state", label: "At the end", class: "" },
  { order: "severity", label: "What happened", class: "badges", down: true },
];
const BADGES_MAX = 3;
const ROWS_SEEN = 9;
const SPARE = 4;

/** Start the list. open(interaction) for one that is chosen, reorder(order, down) for a heading. */
export function startList(recording, summary, { open, reorder }) {
  const view = {
    recording,
    summary,
    open,
    ids: [],
    active: 0,
    box: byId("list"),
    space: document.querySelector(".list-space"),
    rows: new Map(),
    height: 44,
    severe: true,
  };
  const narrow = matchMedia("(max-width: 48rem)");
  const measure = () => {
    view.height = narrow.matches ? 66 : 44;
    layOut(view);
  };
  narrow.addEventListener("change", measure);
  view.box.addEventListener("scroll", () => wait(view), { passive: true });
  view.box.addEventListener("keydown", (event) => onListKey(view, event));
  view.box.addEventListener("focus", () => render(view));
  view.box.addEventListener("blur", () => render(view));
  view.space.addEventListener("click", (event) => {
    const row = event.target.closest(".list-row");
    if (!row) return;
    view.active = Number(row.dataset.place);
    render(view);
    open(view.ids[view.active]);
  });
  measure();
  return {
    show(ids, order, down) {
      view.ids = ids;
      view.active = 0;
      view.box.scrollTop = 0;
      heads(view, order, down, reorder);
      layOut(view);
    },
  };
}

function heads(view, order, down, reorder) {
  const row = document.querySelector(".list-row.head");
  const focused = row.contains(document.activeElement) ? document.activeElement.dataset.order : null;
  row.setAttribute("aria-rowindex", "1");
  row.replaceChildren(
    ...COLUMNS.map((column) => {
      const isOrder = column.order === order;
      const arrow = isOrder ? (down ? " ↓" : " ↑") : "";
      const button = el(
        "button",
        { type: "button", click: () => reorder(column.order, isOrder ? !down : (column.down ?? column.class.includes("figure"))) },
        column.label + arrow,
      );
      button.dataset.order = column.order;
      return el("div", { role: "columnheader", class: column.class, "aria-sort": isOrder ? (down ? "descending" : "ascending") : null }, button);
    }),
  );
  if (focused) row.querySelector(`[data-order="${focused}"]`)?.focus();
}

function layOut(view) {
  view.box.hidden = view.ids.length === 0;
  view.box.setAttribute("aria-rowcount", String(view.ids.length + 1));
  view.space.style.height = `${view.ids.length * view.height}px`;
  view.box.style.setProperty("--tall", `${40 + view.height * ROWS_SEEN + view.height / 2}px`);
  view.rows.clear();
  view.space.replaceChildren();
  render(view);
}

function wait(view) {
  view.frame ??= requestAnimationFrame(() => {
    view.frame = null;
    render(view);
  });
}

/** Make the rows that are seen, and a few more; take away the others. */
function render(view) {
  const { box, height, ids, rows } = view;
  const first = Math.max(0, Math.floor(box.scrollTop / height) - SPARE);
  const last = Math.min(ids.length, Math.ceil((box.scrollTop + (box.clientHeight || 600)) / height) + SPARE);
  for (const [place, row] of rows) {
    if (place < first || place >= last) {
      row.remove();
      rows.delete(place);
    }
  }
  const isFocused = document.activeElement === box;
  const made = [];
  for (let place = first; place < last; place += 1) {
    let row = rows.get(place);
    if (!row) {
      row = rowOf(view, place);
      rows.set(place, row);
      made.push(row);
    }
    row.classList.toggle("active", isFocused && place === view.active);
  }
  view.space.append(...made);
  if (ids.length) box.setAttribute("aria-activedescendant", `row-${view.active}`);
}

function rowOf(view, place) {
  const { recording, summary, ids } = view;
  const { interactions, texts, base } = recording;
  const i = ids[place];
  const cells = [
    el("div", { class: "id", title: interactions.id[i] }, interactions.id[i]),
    el("div", { class: "time wide" }, clock(base + summary.begins[i]).slice(0, 8)),
    el("div", { class: "figure wide" }, summary.holds[i] ? count(summary.holds[i]) : "–"),
    el("div", { class: "figure" }, summary.holds[i] ? duration(summary.longest[i]) : "–"),
    el("div", { class: "figure wide" }, summary.ack[i] < 0 ? "–" : duration(summary.ack[i])),
    el("div", {}, stateLabel(texts[interactions.state[i]])),
    el("div", { class: "badges" }, ...badges(recording, i)),
  ];
  for (const cell of cells) cell.setAttribute("role", "gridcell");
  const row = el("div", { class: "list-row", role: "row", id: `row-${place}`, "aria-rowindex": String(place + 2) }, cells);
  row.dataset.place = String(place);
  row.style.transform = `translateY(${place * view.height}px)`;
  return row;
}

function badges(recording, i) {
  const times = new Map();
  for (const { mark } of marksOf(recording, i)) times.set(mark, (times.get(mark) ?? 0) + 1);
  const marks = [...times.keys()].sort((one, other) => one - other);
  const shown = marks.slice(0, BADGES_MAX).map((mark) => badge(recording.marks[mark], times.get(mark)));
  const more = marks.length - shown.length;
  return more > 0 ? [...shown, el("span", { class: "badge more" }, `+${more}`)] : shown;
}

function onListKey(view, event) {
  if (event.target !== view.box || event.ctrlKey || event.metaKey || event.altKey) return;
  const page = Math.max(1, Math.floor(view.box.clientHeight / view.height) - 2);
  const places = {
    ArrowDown: view.active + 1,
    ArrowUp: view.active - 1,
    PageDown: view.active + page,
    PageUp: view.active - page,
    Home: 0,
    End: view.ids.length - 1,
  };
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    if (view.ids.length) view.open(view.ids[view.active]);
  } else if (event.key in places) {
    event.preventDefault();
    activateRow(view, places[event.key]);
  }
}

function activateRow(view, place) {
  view.active = Math.min(Math.max(place, 0), Math.max(view.ids.length - 1, 0));
  const head = 40;
  const top = view.active * view.height;
  const seen = view.box.clientHeight - head;
  if (top < view.box.scrollTop) view.box.scrollTop = top;
  if (top + view.height > view.box.scrollTop + seen) view.box.scrollTop = top + view.height - seen;
  render(view);
  const i = view.ids[view.active];
  if (i === undefined) return;
  const { interactions, texts } = view.recording;
  say(`${interactions.id[i]}, ${counted(view.summary.holds[i], "hold")}, ${words(texts[interactions.state[i]])}`);
}
