// Parses texts with Mermaid's own parser: reads a JSON list of them from stdin, and writes a list of
// [kind of diagram, null] or [null, what is wrong].

import { readFileSync } from "node:fs";
import DOMPurify from "dompurify";

// Mermaid cleans texts with the browser's help, which Node.js does not have and parsing does not need.
DOMPurify.addHook = () => {};
DOMPurify.sanitize = (text) => text;
const { default: mermaid } = await import("mermaid");

const results = [];
for (const text of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    results.push([(await mermaid.parse(text)).diagramType, null]);
  } catch (error) {
    results.push([null, error.message]);
  }
}
process.stdout.write(JSON.stringify(results));
