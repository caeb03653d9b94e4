// The columns that the page carries, made into something that can be asked. No DOM: tested under
// Node.js. All instants count from the recording's first, in microseconds.

const FORMAT = 1;
const HOLES = /[\u0001-\u0003]/g;

/** States in which the caller is, or counts as, on hold. */
export const HOLDING = new Set(["held", "unhold_pending", "expired"]);

/** Decode Base64 of gzipped JSON. */
export async function inflate(base64) {
  const text = atob(base64.trim());
  const bytes = Uint8Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

/** Make a recording of the columns that `columns.py` wrote. */
export function unpack(columns) {
  if (columns.format !== FORMAT) throw new Error(`columns of format ${columns.format}`);
  const table = columns.interactions;
  const size = table.id.length;
  const recording = {
    ...columns,
    size,
    arity: Uint8Array.from(columns.texts, (text) => text.match(HOLES)?.length ?? 0),
    first: offsets(table.steps),
    at: Float64Array.from(columns.steps_at),
    seq: Float64Array.from(columns.seqs),
    kind: Int32Array.from(columns.kinds),
    lineAt: null,
    stateNumbers: new Map(columns.states.map((state, number) => [state.name, number])),
  };
  for (let i = 0; i < size; i += 1) accumulate(recording, i);
  recording.lineAt = lineOffsets(recording);
  recording.holdsOf = byInteraction(columns.holds.i, size);
  recording.acksOf = byInteraction(columns.acks.i, size);
  recording.stepState = Int16Array.from(columns.steps, ([, , , target]) =>
    stateOf(recording, target),
  );
  return recording;
}

function accumulate(recording, i) {
  let at = recording.interactions.begins[i];
  let seq = 0;
  for (let step = recording.first[i]; step < recording.first[i + 1]; step += 1) {
    at += recording.at[step];
    recording.at[step] = at;
    if (recording.seq[step]) {
      seq += recording.seq[step];
      recording.seq[step] = seq;
    }
  }
}

function offsets(lengths) {
  const found = new Int32Array(lengths.length + 1);
  for (let i = 0; i < lengths.length; i += 1) found[i + 1] = found[i] + lengths[i];
  return found;
}

function lineOffsets({ shapes, lines, arity }) {
  const found = new Int32Array(shapes.length + 1);
  let at = 0;
  for (let step = 0; step < shapes.length; step += 1) {
    for (let left = (shapes[step] >> 4) + (shapes[step] & 15); left > 0; left -= 1) {
      at += 1 + arity[lines[at]];
    }
    found[step + 1] = at;
  }
  return found;
}

function byInteraction(column, size) {
  const found = Array.from({ length: size }, () => []);
  column.forEach((i, at) => {
    if (i >= 0) found[i].push(at);
  });
  return found;
}

/** The number of the state that a text names; -1 for one that the definition does not know. */
export function stateOf(recording, text) {
  return recording.stateNumbers.get(recording.texts[text]) ?? -1;
}

/** How an interaction went from state to state: [{state, from, to}], the last up to the end. */
export function stretches(recording, i) {
  const found = [];
  const end = recording.span;
  let state = stateOf(recording, recording.interactions.start[i]);
  let from = HOLDING.has(recording.states[state]?.name) ? heldSince(recording, i) : null;
  for (let step = recording.first[i]; step < recording.first[i + 1]; step += 1) {
    const next = recording.stepState[recording.kind[step]];
    const at = recording.at[step];
    if (from === null) {
      from = at;
    } else if (next !== state) {
      found.push({ state, from, to: at });
      from = at;
    }
    state = next;
  }
  if (from !== null) {
    const name = recording.states[state]?.name ?? "";
    const rests = name === "active" || (recording.states[state]?.final ?? true);
    const last = recording.at[recording.first[i + 1] - 1] ?? end;
    found.push({ state, from, to: rests ? Math.max(from, last) : end });
  }
  return found;
}

function heldSince(recording, i) {
  const hold = recording.holdsOf[i][0];
  return Math.min(0, hold === undefined ? 0 : (recording.holds.since[hold] ?? 0));
}

/** The marks of an interaction: [{mark, step, at}], steps counted from its first. */
export function marksOf(recording, i) {
  const flat = recording.interactions.marks[i];
  const found = [];
  for (let at = 0; at < flat.length; at += 2) {
    const step = flat[at + 1];
    found.push({ mark: flat[at], step, at: recording.at[recording.first[i] + step] });
  }
  return found;
}

/** All about one step of an interaction, counted from its first. */
export function stepOf(recording, i, place) {
  const step = recording.first[i] + place;
  const [asked, event, source, target, row] = recording.steps[recording.kind[step]];
  const shape = recording.shapes[step];
  const lines = linesOf(recording, i, step);
  const decided = recording.rows[row];
  return {
    at: recording.at[step],
    seq: recording.seq[step],
    isRules: asked === 1,
    event: recording.texts[event],
    doc: asked === 1 ? "Rules were asked." : (recording.events[recording.texts[event]] ?? ""),
    source: recording.texts[source],
    target: recording.texts[target],
    decision: decided?.[0] ?? null,
    reason: decided ? recording.texts[decided[1]] : "",
    error: decided ? recording.texts[decided[2]] : "",
    row: decided ? decided[3] : null,
    said: lines.slice(0, shape >> 4),
    asked: lines.slice(shape >> 4),
    traces: tracesOf(recording, i, place),
    marks: marksOf(recording, i).filter((mark) => mark.step === place),
  };
}

/** Lines of a step: {strong, parts}; a part is text, or a figure {kind, value}. */
function linesOf(recording, i, step) {
  const { lines, arity, texts, lineAt, at } = recording;
  const found = [];
  for (let place = lineAt[step]; place < lineAt[step + 1]; ) {
    const text = texts[lines[place]];
    const figures = lines.slice(place + 1, place + 1 + arity[lines[place]]);
    place += 1 + figures.length;
    const strong = text.startsWith("\u0004");
    const pieces = (strong ? text.slice(1) : text).split(/([\u0001-\u0003])/);
    const parts = pieces.map((piece) => {
      if (piece === "\u0001") return { kind: "duration", value: figures.shift() };
      if (piece === "\u0002") return { kind: "instant", value: at[step] + figures.shift() };
      if (piece !== "\u0003") return piece;
      return { kind: "id", value: recording.interactions.references[i][figures.shift()] };
    });
    found.push({ strong, parts: parts.filter((part) => part !== "") });
  }
  return found;
}

function tracesOf(recording, i, place) {
  const flat = recording.interactions.traces[i];
  const found = [];
  for (let at = 0; at < flat.length; at += 2) {
    if (flat[at] === place) found.push(recording.texts[flat[at + 1]]);
  }
  return found;
}
