// The state diagram in the player: where the interaction is, and the arrow that it took.

import { byId, el, stateLabel } from "./dom.mjs";

/**
 * Show the player's diagram in a box; where there is none, the states as a list.
 *
 * Gives show(step): mark what the step, as of `stepOf`, did.
 */
export function makeDiagram(recording, box) {
  const drawn = byId("player-diagram").content.querySelector("svg");
  if (!drawn) return listOfStates(recording, box);
  const copy = drawn.cloneNode(true);
  for (const part of copy.querySelectorAll("[id]")) part.removeAttribute("id");
  copy.removeAttribute("aria-labelledby");
  copy.setAttribute("aria-label", "The machine; the details beside it say the same in words");
  box.classList.add("playing");
  box.replaceChildren(copy);
  const states = [...copy.querySelectorAll(".state")];
  const arrows = [...copy.querySelectorAll(".arrow")];
  return (step) => {
    for (const state of states) {
      const name = state.dataset.state;
      state.classList.toggle("is-now", name === step.target);
      state.classList.toggle("was", name === step.source && name !== step.target);
    }
    const taken = arrowOf(arrows, step);
    for (const arrow of arrows) arrow.classList.toggle("is-now", arrow === taken);
    centre(box, copy.querySelector(".state.is-now"), taken);
  };
}

/** The arrow of a step: the one with its row; where the row is not known, one that fits. */
function arrowOf(arrows, step) {
  if (step.isRules) return null;
  const fitting = arrows.filter(
    ({ dataset }) => dataset.source.split(" ").includes(step.source) && dataset.target === step.target,
  );
  const row = String(step.row);
  return (
    fitting.find(({ dataset }) => (dataset.rows ?? "").split(/[\s,]+/).includes(row)) ??
    (step.source === step.target ? null : (fitting[0] ?? null))
  );
}

/** Where the box is too small for the diagram, scroll to what has just changed. */
function centre(box, ...parts) {
  const seen = box.getBoundingClientRect();
  const found = parts.filter(Boolean).map((part) => part.getBoundingClientRect());
  if (!found.length) return;
  const left = Math.min(...found.map((one) => one.left));
  const right = Math.max(...found.map((one) => one.right));
  const top = Math.min(...found.map((one) => one.top));
  const bottom = Math.max(...found.map((one) => one.bottom));
  box.scrollBy({
    left: (left + right) / 2 - (seen.left + seen.right) / 2,
    top: (top + bottom) / 2 - (seen.top + seen.bottom) / 2,
    behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth",
  });
}

function listOfStates(recording, box) {
  const items = new Map(
    recording.states.map(({ name }) => [name, el("li", {}, stateLabel(name))]),
  );
  box.replaceChildren(el("ol", { class: "states" }, ...items.values()));
  return (step) => {
    for (const [name, item] of items) {
      item.classList.toggle("is-now", name === step.target);
      item.classList.toggle("was", name === step.source && name !== step.target);
    }
  };
}
