// What all charts share: axes, times in UTC, and following the width of the page.

import { colour } from "./theme.mjs";

const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', sans-serif";
const MINUTE = 60;
const DAY = 86_400;

/** Axis defaults in the colours of the page. */
export function axis(options = {}) {
  return {
    stroke: () => colour("--soft"),
    font: FONT,
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { stroke: () => colour("--line"), width: 1, size: 5 },
    gap: 4,
    ...options,
  };
}

/** Labels of instants, in seconds since 1970, as long as the distance between them needs. */
export function timeLabels(_, splits, __, ___, step) {
  let lastDay = splits.length ? dayOf(splits[0]) : "";
  return splits.map((seconds) => {
    const text = new Date(Math.round(seconds * 1e6) / 1000).toISOString();
    if (step >= DAY) return text.slice(5, 10);
    const time = step >= MINUTE ? text.slice(11, 16) : step >= 1 ? text.slice(11, 19) : text.slice(14, 23);
    if (dayOf(seconds) === lastDay) return time;
    lastDay = dayOf(seconds);
    return `${lastDay.slice(5)} ${time}`;
  });
}

function dayOf(seconds) {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}

/** Call *draw(width)* with the width of an element, now and when it changes. */
export function followWidth(element, draw) {
  let last = 0;
  const observer = new ResizeObserver(() => {
    const width = Math.floor(element.clientWidth);
    if (width > 0 && width !== last) {
      last = width;
      draw(width);
    }
  });
  observer.observe(element);
}
