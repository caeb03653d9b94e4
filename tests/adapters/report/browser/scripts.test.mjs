// The parts of the page's scripts that need no page.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const scripts = new URL("../../../../adapters/report/scripts/", import.meta.url);
const { binOf, concurrency, histogram, quantile } = await import(new URL("counting.mjs", scripts));
const { find, summaries } = await import(new URL("finding.mjs", scripts));
const { clock, counted, day, duration, short, tick } = await import(new URL("format.mjs", scripts));
const { inflate, marksOf, stepOf, stretches, unpack } = await import(new URL("recording.mjs", scripts));

/** The recording of the play, out of a report that the Python side has written. */
async function played() {
  const page = readFileSync(`${process.env.REPORTS}/played.html`, "utf-8");
  return unpack(await inflate(page.match(/id="data">([^<]*)</)[1]));
}

const wanted = { query: "", group: "", mark: "", noteworthy: false, among: null, order: "begins", down: false };

test("durations are as people read them", () => {
  const shown = [0, 300, 8_000, 95_400, 420_000, 12_340_000, 59_960_000, 125e6, 3_725e6, -2e6];
  assert.deepEqual(shown.map(duration), [
    "0 ms", "0.3 ms", "8 ms", "95 ms", "0.42 s", "12.3 s", "1:00 min", "2:05 min", "1:02:05 h", "−2.0 s",
  ]);
  assert.equal(duration(null), "");
  assert.deepEqual([200_000, 1.5e6, 90e6, 900e6, 7.2e9].map(tick), ["200 ms", "1.5 s", "90 s", "15 min", "2 h"]);
});

test("instants, counts and ids are as people read them", () => {
  assert.equal(day(1_768_050_000_123_456), "2026-01-10");
  assert.equal(clock(1_768_050_000_123_456), "13:00:00.123");
  assert.equal(clock(Number.MAX_SAFE_INTEGER * 4).length > 0, true);
  assert.equal(counted(1, "hold"), "1 hold");
  assert.equal(counted(12_345, "hold"), "12,345 holds");
  assert.equal(short("0c3f5a52-8a5e-4f0e-9a51-2f0a6d1b7c12"), "0c3f5a52");
  assert.equal(short("something long"), "something…");
});

test("values of one magnitude get bins of one width", () => {
  const { edges, counts } = histogram([2e6, 3.5e6, 4e6, 4.1e6], [0, 1, 0, 0], 2);
  const widths = new Set(edges.slice(1).map((edge, at) => edge - edges[at]));
  assert.equal(widths.size, 1);
  assert.equal(edges[0] <= 2e6 && edges.at(-1) > 4.1e6, true);
  assert.deepEqual(counts.map((one) => one.reduce((sum, n) => sum + n, 0)), [3, 1]);
});

test("values of many magnitudes get bins that grow, and nothing is lost at the ends", () => {
  const values = [0, ...Array(300).fill(5_000), 40_000, 2e6, 9e8, 8e12];
  const { edges, counts } = histogram(values, values.map(() => 0), 1);
  assert.equal(edges[0], 0);
  assert.equal(counts[0].reduce((sum, n) => sum + n, 0), values.length);
  assert.equal(counts[0].at(-1), 1);
  assert.equal(binOf(edges, 8e12), edges.length - 2);
  assert.deepEqual(histogram([], [], 2).counts, [[0], [0]]);
});

test("quantiles are values that there were", () => {
  assert.equal(quantile([], 0.5), null);
  assert.equal(quantile([7], 0.99), 7);
  assert.equal(quantile([1, 2, 3, 4], 0.5), 2);
  assert.equal(quantile([1, 2, 3, 4], 1), 4);
});

test("who goes from one state to another is counted once", () => {
  const one = [
    { kind: 0, from: 0, to: 50 },
    { kind: 1, from: 50, to: 60 },
    { kind: 0, from: 55, to: 100 },
  ];
  const { at, counts } = concurrency(one, 2, 100, 10);
  const total = Array.from(at, (_, point) => counts[0][point] + counts[1][point]);
  assert.equal(at.length, 11);
  assert.deepEqual(total, [1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 0]);
});

test("a peak between two points is not lost", () => {
  const { counts } = concurrency([{ kind: 0, from: 41, to: 42 }, { kind: 0, from: 41.5, to: 43 }], 1, 100, 10);
  assert.deepEqual([...counts[0]], [0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]);
});

test("the columns give every interaction and step back", async () => {
  const recording = await played();
  assert.equal(recording.size, 43);
  assert.equal(recording.first[43], recording.kinds.length);
  assert.equal(recording.lineAt.at(-1), recording.lines.length);
  for (let i = 0; i < recording.size; i += 1) {
    let last = -Infinity;
    for (let step = 0; step < recording.first[i + 1] - recording.first[i]; step += 1) {
      const found = stepOf(recording, i, step);
      assert.equal(found.at >= last, true);
      assert.notEqual(found.doc, "");
      assert.notEqual(found.reason, "", `${found.event} in ${found.source}`);
      last = found.at;
    }
    const parts = stretches(recording, i);
    parts.slice(1).forEach((part, at) => assert.equal(part.from, parts[at].to));
  }
});

test("an interaction is found by what happened to it", async () => {
  const recording = await played();
  const summary = summaries(recording);
  const ask = (changes) => find(recording, summary, { ...wanted, ...changes });
  assert.equal(ask({}).length, 43);
  const id = recording.interactions.id[7];
  assert.deepEqual(ask({ query: id.toUpperCase() }), [7]);
  assert.deepEqual(ask({ query: recording.interactions.references[7][0] }), [7]);
  assert.deepEqual(ask({ query: "no such thing at all" }), []);
  const refused = ask({ query: "not on this" });
  assert.equal(refused.length > 0 && refused.length < 10, true);
  assert.equal(ask({ query: "sg-claims" }).length > 0, true);
  const limits = ask({ group: "limit" });
  for (const i of limits) {
    assert.equal(marksOf(recording, i).some(({ mark }) => recording.marks[mark].group === "limit"), true);
  }
  const mark = recording.marks.findIndex(({ short: name }) => name === "expired");
  assert.equal(ask({ mark: String(mark) }).every((i) => limits.includes(i)), true);
  assert.deepEqual(ask({ among: new Set([3, 5]) }), [3, 5]);
  assert.equal(ask({ noteworthy: true }).length < 43, true);
});

test("interactions are put in order", async () => {
  const recording = await played();
  const summary = summaries(recording);
  const ask = (order, down) => find(recording, summary, { ...wanted, order, down });
  const gravest = ask("severity", true);
  assert.equal(marksOf(recording, gravest[0]).some(({ mark }) => recording.marks[mark].grave), true);
  const longest = ask("longest", true).map((i) => summary.longest[i]);
  assert.deepEqual(longest, longest.toSorted?.((one, other) => other - one) ?? longest);
  const ids = ask("id", false).map((i) => recording.interactions.id[i]);
  assert.deepEqual(ids, [...ids].sort());
});
