// Distributions and quantiles. No DOM: tested under Node.js. Durations are microseconds.

const SECOND = 1e6;
const SHORT = [1, 1.5, 2, 3, 5, 7];
const LONG = [1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1200];
const LONGER = [1800, 2700, 3600, 7200, 14_400, 28_800, 86_400, 172_800, 604_800];
/** Durations that people can name, in microseconds. */
const EDGES = [
  ...[1e3, 1e4, 1e5].flatMap((unit) => SHORT.map((step) => step * unit)),
  ...[...LONG, ...LONGER].map((seconds) => seconds * SECOND),
];
/** Widths of bins that people can name. */
const WIDTHS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6].flatMap((unit) => [unit, 2 * unit, 5 * unit]).concat(
  [10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400].map((one) => one * SECOND),
);
const BINS_MAX = 20;

/**
 * Count values into bins that people can name: of one width where the values are of one magnitude,
 * else growing with them.
 *
 * values: durations, not below zero. kinds: the category of each. size: how many categories there
 * are. Gives {edges, counts}: one edge more than bins, counts[category][bin].
 */
export function histogram(values, kinds, size) {
  if (values.length === 0) return { edges: [0, SECOND], counts: Array(size).fill([0]) };
  // A few that are much shorter than all others would make the axis long and empty.
  const least = quantile(Float64Array.from(values).sort(), 0.01);
  const most = values.reduce((one, other) => Math.max(one, other), 0);
  const edges = most <= 20 * Math.max(least, 1000) ? evenEdges(least, most) : growingEdges(least, most);
  if (values.some((value) => value < edges[0])) edges[0] = 0;
  const counts = Array.from({ length: size }, () => new Array(edges.length - 1).fill(0));
  values.forEach((value, at) => {
    counts[kinds[at]][binOf(edges, value)] += 1;
  });
  return { edges, counts };
}

function evenEdges(least, most) {
  const widest = WIDTHS[WIDTHS.length - 1];
  const width = WIDTHS.find((one) => most < (Math.floor(least / one) + BINS_MAX) * one) ?? widest;
  const from = Math.floor(least / width) * width;
  const bins = Math.min(BINS_MAX, Math.floor((most - from) / width) + 1);
  return Array.from({ length: bins + 1 }, (_, at) => from + at * width);
}

function growingEdges(least, most) {
  const from = EDGES.findLastIndex((edge) => edge <= least);
  let to = EDGES.findIndex((edge) => edge > most);
  if (to < 0) to = EDGES.length - 1;
  return [from < 0 ? 0 : EDGES[from], ...EDGES.slice(from + 1, to + 1)];
}

/** The place of the bin that a value falls into; the last one takes what is beyond. */
export function binOf(edges, value) {
  const found = edges.findLastIndex((edge) => edge <= value);
  return Math.min(Math.max(found, 0), edges.length - 2);
}

/** The value that a share of the sorted values does not exceed; null where there is none. */
export function quantile(sortedValues, share) {
  if (sortedValues.length === 0) return null;
  return sortedValues[Math.min(sortedValues.length - 1, Math.ceil(share * sortedValues.length) - 1)];
}

/**
 * How many of the stretches go on at each of some instants.
 *
 * stretches: [{kind, from, to}]. Gives {at, counts}: the instants, and counts[kind][instant] at the
 * moment up to the next instant when most went on together, so that no short peak is lost.
 */
export function concurrency(stretches, kinds, span, points = 600) {
  const at = Float64Array.from({ length: points + 1 }, (_, place) => (span * place) / points);
  const counts = Array.from({ length: kinds }, () => new Float64Array(points + 1));
  const changes = [];
  for (const { kind, from, to } of stretches) {
    changes.push([Math.max(0, from), 1, kind], [Math.min(span, to), -1, kind]);
  }
  // What ends at an instant ends before what begins then: nobody counts twice.
  changes.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
  const now = new Float64Array(kinds);
  let total = 0;
  let place = 0;
  for (let point = 0; point <= points; point += 1) {
    const end = point === points ? Infinity : at[point + 1];
    let most = -1;
    const keep = () => {
      if (total <= most) return;
      most = total;
      for (let kind = 0; kind < kinds; kind += 1) counts[kind][point] = now[kind];
    };
    // What stands at the instant itself counts once all that changes then has changed.
    if (place >= changes.length || changes[place][0] > at[point]) keep();
    for (; place < changes.length && changes[place][0] < end; place += 1) {
      const [instant, change, kind] = changes[place];
      now[kind] += change;
      total += change;
      if (place + 1 >= changes.length || changes[place + 1][0] > instant) keep();
    }
    keep();
  }
  return { at, counts };
}
