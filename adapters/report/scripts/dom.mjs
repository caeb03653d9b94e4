// Making elements. Texts get in as text only: the page's policy forbids anything else.

import { words } from "./format.mjs";

const SVG = "http://www.w3.org/2000/svg";

/** The shape of each group of marks, in a box of 10 by 10; whether it is filled. */
export const SHAPES = {
  limit: { path: "M5 .9 9.6 9.1H.4z", filled: true },
  refusal: { path: "M1.6 1.6l6.8 6.8m0-6.8L1.6 8.4", filled: false },
  acknowledgement: { path: "M5 1.2a3.8 3.8 0 1 1 0 7.6a3.8 3.8 0 1 1 0-7.6z", filled: false },
  somebody: { path: "M5 .4 9.6 5 5 9.6.4 5z", filled: true },
  link: { path: "M1.6 1.6h6.8v6.8H1.6z", filled: false },
  caller: { path: "M5 9.1.4.9h9.2z", filled: true },
};

/** The element with an id, which is there. */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * Make an element. Of the properties, `class` and those with a hyphen or `role` become attributes,
 * functions listeners, the others are set; children that are null are left out.
 */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (typeof value === "function") made.addEventListener(name, value);
    else if (name === "class") made.className = value;
    else if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** The shape of a group of marks. */
export function shapeOf(group) {
  const { path, filled } = SHAPES[group];
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 10 10");
  svg.setAttribute("class", filled ? "shape filled" : "shape");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/** A mark with its shape, as a badge. */
export function badge(mark, times = 1) {
  const often = times > 1 ? ` ${times}×` : "";
  const properties = { class: mark.grave ? "badge grave" : "badge", title: mark.words };
  return el("span", properties, shapeOf(mark.group), mark.short + often);
}

/** A state with its colour. */
export function stateLabel(name) {
  const dot = el("span", { class: "dot" });
  dot.style.background = stateColour(name);
  return el("span", { class: "state" }, dot, words(name));
}

const KNOWN = new Set(["active", "hold_pending", "held", "unhold_pending", "expired", "closed"]);

/** The colour of a state, as a CSS value. */
export function stateColour(name) {
  return `var(--s-${KNOWN.has(name) ? name : "other"})`;
}

/** Say something to those who listen to the page. */
export function say(text) {
  byId("spoken").textContent = text;
}

/** Show what the pointer is at; null for nothing. */
export function showTip(content, x = 0, y = 0) {
  const tip = byId("tip");
  tip.hidden = content === null;
  if (content === null) return;
  tip.replaceChildren(...content);
  const { width, height } = tip.getBoundingClientRect();
  const left = x + 14 + width > innerWidth ? x - width - 14 : x + 14;
  const top = y + 16 + height > innerHeight ? y - height - 12 : y + 16;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, top)}px`;
}
