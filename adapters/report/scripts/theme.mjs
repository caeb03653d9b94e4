// Light and dark: as the system has it, or as somebody chose; and the colours for canvases.

import { byId } from "./dom.mjs";

const CHOICES = ["auto", "light", "dark"];
const NAMES = { auto: "Theme: system", light: "Theme: light", dark: "Theme: dark" };
const KEY = "hookflash-report-theme";
const listeners = [];
let known = new Map();

/** A colour of the style sheet, resolved for a canvas. */
export function colour(name) {
  if (!known.has(name)) {
    const value = getComputedStyle(document.documentElement).getPropertyValue(name);
    known.set(name, value.trim());
  }
  return known.get(name);
}

/** The resolved colour of a state. */
export function stateColourOf(name) {
  return colour(`--s-${name}`) || colour("--s-other");
}

/** Call *listener* when colours have changed. */
export function onColours(listener) {
  listeners.push(listener);
}

/** Bring the button to life. */
export function startTheme() {
  const button = byId("theme");
  apply(remembered());
  button.hidden = false;
  button.addEventListener("click", () => {
    const now = document.documentElement.dataset.theme ?? "auto";
    const next = CHOICES[(CHOICES.indexOf(now) + 1) % CHOICES.length];
    apply(next);
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // A page opened from a file may keep nothing: then the choice lasts as long as the page.
    }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}

function remembered() {
  try {
    const found = localStorage.getItem(KEY);
    return CHOICES.includes(found) ? found : "auto";
  } catch {
    return "auto";
  }
}

function apply(choice) {
  document.documentElement.dataset.theme = choice;
  byId("theme-name").textContent = NAMES[choice];
  changed();
}

function changed() {
  known = new Map();
  for (const listener of listeners) listener();
}
