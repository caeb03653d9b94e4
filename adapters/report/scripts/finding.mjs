// Which interactions are meant: search, filters, order. No DOM: tested under Node.js.

import { marksOf } from "./recording.mjs";

/** What is asked of each interaction again and again, counted once. */
export function summaries(recording) {
  const { size, holds, acks, marks } = recording;
  const found = {
    markSet: new Int32Array(size),
    holds: new Int32Array(size),
    longest: new Float64Array(size),
    ack: new Float64Array(size).fill(-1),
    severity: new Float64Array(size),
    begins: Float64Array.from(recording.interactions.begins),
    text: new Array(size),
  };
  for (let i = 0; i < size; i += 1) {
    for (const { mark } of marksOf(recording, i)) found.markSet[i] |= 1 << mark;
    found.severity[i] = severityOf(found.markSet[i], marks);
    for (const hold of recording.holdsOf[i]) {
      const until = holds.until[hold] ?? recording.span;
      found.holds[i] += 1;
      found.longest[i] = Math.max(found.longest[i], until - (holds.since[hold] ?? 0));
    }
    for (const ack of recording.acksOf[i]) found.ack[i] = Math.max(found.ack[i], acks.us[ack]);
    found.text[i] = haystack(recording, i);
  }
  return found;
}

/** The marks are in order of gravity, so the first counts most; a grave one more than all others. */
function severityOf(markSet, marks) {
  let severity = 0;
  marks.forEach((mark, number) => {
    if (markSet & (1 << number)) severity += (mark.grave ? 1000 : 1) * (marks.length - number);
  });
  return severity;
}

function haystack(recording, i) {
  const { texts, interactions: table, holds } = recording;
  const parts = [table.id[i], texts[table.state[i]], texts[table.group[i]], ...table.references[i]];
  for (const hold of recording.holdsOf[i]) {
    for (const column of [holds.reason, holds.by, holds.ended, holds.ended_by, holds.began]) {
      parts.push(texts[column[hold]]);
    }
  }
  return parts.join("\n").toLowerCase();
}

/**
 * The interactions that fit, in order.
 *
 * wanted: {query, group, mark, noteworthy, among, order, down}: words that must all be found; a
 * group or the number of a mark, "" for any; whether something must have happened; a Set of
 * interactions, null for all; the column to sort by and whether downwards.
 */
export function find(recording, summary, wanted) {
  const groupSet = wanted.group ? setOf(recording, (mark) => mark.group === wanted.group) : -1;
  const markSet = wanted.mark === "" ? -1 : 1 << Number(wanted.mark);
  const needs = wanted.group !== "" || wanted.mark !== "" || wanted.noteworthy;
  const fits = matcher(recording, summary, wanted.query);
  const found = [];
  for (let i = 0; i < recording.size; i += 1) {
    const has = summary.markSet[i];
    if (needs && (has & groupSet & markSet) === 0) continue;
    if (wanted.among !== null && !wanted.among.has(i)) continue;
    if (fits(i)) found.push(i);
  }
  return sorted(recording, summary, found, wanted);
}

/** A set of marks as bits: those that fit. */
export function setOf(recording, fits) {
  return recording.marks.reduce((set, mark, number) => (fits(mark) ? set | (1 << number) : set), 0);
}

function matcher(recording, summary, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return () => true;
  const deep = words.map((word) => named(recording, word));
  return (i) => words.every((word, at) => summary.text[i].includes(word) || deep[at].has(i));
}

/** The interactions of which some line, rule, reason or mark has the word. */
function named(recording, word) {
  const { texts, lines, lineAt, first, arity, steps, kind, rows, marks } = recording;
  const has = Uint8Array.from(texts, (text) => (text.toLowerCase().includes(word) ? 1 : 0));
  const hasMark = marks.reduce((set, { words }, n) => (words.includes(word) ? set | (1 << n) : set), 0);
  const hasStep = Uint8Array.from(steps, ([, event, source, target, row]) =>
    has[event] || has[source] || has[target] || has[rows[row]?.[1]] ? 1 : 0,
  );
  const found = new Set();
  for (let i = 0; i < recording.size; i += 1) {
    if (
      (hasMark && marksOf(recording, i).some(({ mark }) => hasMark & (1 << mark))) ||
      recording.interactions.traces[i].some((text, at) => at % 2 === 1 && has[text])
    ) {
      found.add(i);
      continue;
    }
    for (let step = first[i]; step < first[i + 1] && !found.has(i); step += 1) {
      if (hasStep[kind[step]]) found.add(i);
      for (let at = lineAt[step]; at < lineAt[step + 1]; at += 1 + arity[lines[at]]) {
        if (has[lines[at]]) found.add(i);
      }
    }
  }
  return found;
}

function sorted(recording, summary, found, { order, down }) {
  const { id, state } = recording.interactions;
  const direction = down ? -1 : 1;
  const byText = { id: (i) => id[i], state: (i) => recording.texts[state[i]] }[order];
  const column = { holds: summary.holds, longest: summary.longest, ack: summary.ack }[order];
  const numbers = order === "severity" ? summary.severity : (column ?? summary.begins);
  const compare = byText
    ? (one, other) => (byText(one) < byText(other) ? -1 : byText(one) > byText(other) ? 1 : 0)
    : (one, other) => numbers[one] - numbers[other];
  return found.sort((one, other) => direction * compare(one, other) || one - other);
}
