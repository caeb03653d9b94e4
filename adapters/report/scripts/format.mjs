// Figures as people read them. No DOM: tested under Node.js.

const COUNT = new Intl.NumberFormat("en-GB");

/** A whole number with separators: 12,345. */
export function count(value) {
  return COUNT.format(value);
}

/** "1 hold", "2 holds". */
export function counted(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A duration given in microseconds: 8 ms, 0.42 s, 12.3 s, 2:05 min, 1:02:05 h; "" for none. */
export function duration(microseconds) {
  if (microseconds === null || microseconds === undefined) return "";
  if (microseconds < 0) return `−${duration(-microseconds)}`;
  if (microseconds < 99_500) {
    const milliseconds = microseconds / 1000;
    return `${milliseconds < 9.95 ? trimmed(milliseconds, 1) : Math.round(milliseconds)} ms`;
  }
  const seconds = microseconds / 1e6;
  if (seconds < 59.95) return `${seconds < 0.995 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  const rest = padded(whole % 60);
  return hours ? `${count(hours)}:${padded(minutes)}:${rest} h` : `${minutes}:${rest} min`;
}

/** A round duration for an axis, in microseconds: 200 ms, 5 s, 90 s, 15 min, 2 h. */
export function tick(microseconds) {
  if (microseconds < 1e6) return `${trimmed(microseconds / 1000, 1)} ms`;
  const seconds = microseconds / 1e6;
  if (seconds < 120) return `${trimmed(seconds, 1)} s`;
  return seconds < 7200 ? `${trimmed(seconds / 60, 1)} min` : `${trimmed(seconds / 3600, 1)} h`;
}

/** The time of day of an instant, microseconds since 1970, in UTC, to the millisecond. */
export function clock(instant) {
  return iso(instant).slice(11, 23);
}

/** The day of an instant: 2026-01-10. */
export function day(instant) {
  return iso(instant).slice(0, 10);
}

/** The first eight characters of a UUID; of anything else as much as fits. */
export function short(id) {
  if (/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(id)) return id.slice(0, 8);
  return id.length > 10 ? `${id.slice(0, 9)}…` : id;
}

/** A name of the machine as words: hold_pending, hold pending. */
export function words(name) {
  return name.replaceAll("_", " ");
}

function iso(instant) {
  const date = new Date(Math.floor(instant / 1000));
  return Number.isNaN(date.getTime()) ? "an unknown day   ?" : date.toISOString();
}

function padded(value) {
  return String(value).padStart(2, "0");
}

function trimmed(value, digits) {
  return value.toFixed(digits).replace(/\.0+$/, "");
}
