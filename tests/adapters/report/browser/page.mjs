// What the tests in a browser share: a page that is watched, and keys and places in it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { after } from "node:test";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf-8");
const WITHIN_MS = 30_000;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  // A container lets no browser make a sandbox of its own; what is opened is ours.
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
  timeout: WITHIN_MS,
});
after(() => browser.close());

export const DESKTOP = { viewport: { width: 1360, height: 900 } };
export const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

/** Open a report of the folder, and let *look* look at it; nothing but *refused* may go wrong. */
export async function open(name, look, { fragment = "", refused = null, ...options } = {}) {
  const context = await browser.newContext({ ...DESKTOP, ...options });
  context.setDefaultTimeout(WITHIN_MS);
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => wrong.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  const url = pathToFileURL(`${process.env.REPORTS}/${name}.html`).href;
  page.on("request", (request) => {
    if (request.url().split("#")[0] !== url) wrong.push(`request: ${request.url()}`);
  });
  await page.goto(url + fragment);
  await page.locator("html[data-ready]").waitFor({ state: "attached" });
  await look(page);
  await context.close();
  assert.deepEqual(wrong.filter((one) => !refused?.test(one)), []);
}

/** What axe finds wrong with the page as it stands, in a line each. */
export async function violations(page) {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const found = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return found.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`));
  });
}

/** Whether the page itself can be moved sideways. */
export function isTooWide(page) {
  return page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
}

export const rows = (page) => page.locator(".list-space .list-row");
export const player = (page) => page.locator("#player");
export const position = (page) => page.locator("#position").textContent();
