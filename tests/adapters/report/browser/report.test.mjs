// The page in a browser: what people see, click and type.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isTooWide, open, PHONE, player, position, rows, violations } from "./page.mjs";

test("it loads without any request and without a word on the console", async () => {
  await open("played", async (page) => {
    assert.equal(await page.locator("#found").textContent(), "43 interactions");
    assert.equal(await page.locator("#loading").isVisible(), false);
    for (const chart of ["#load", "#lanes", "#holds-chart", "#acks-chart"]) {
      assert.equal(await page.locator(`${chart} canvas`).count(), 1, chart);
    }
    assert.equal(await page.locator("#trouble").isVisible(), false);
  });
});

test("its policy lets nothing in and nothing out", async () => {
  await open("played", async (page) => {
    const tried = await page.evaluate(async () => {
      const found = [];
      const script = document.createElement("script");
      try {
        script.textContent = "document.title = 'run'";
        document.body.append(script);
      } catch (error) {
        found.push(error.name);
      }
      try {
        document.body.insertAdjacentHTML("beforeend", "<b>text</b>");
      } catch (error) {
        found.push(error.name);
      }
      return [...found, document.title];
    });
    assert.deepEqual(tried.slice(0, 2), ["TypeError", "TypeError"]);
    assert.notEqual(tried[2], "run");
    const sent = await page.evaluate(() => fetch("https://localhost:1/").catch((error) => error.name));
    assert.equal(sent, "TypeError");
  }, { refused: /^console error: .*(TrustedScript|TrustedHTML|Content Security Policy|Fetch API)/s });
});

test("the player steps by click", async () => {
  await open("played", async (page) => {
    await rows(page).first().click();
    await player(page).waitFor();
    assert.match(await position(page), /^1 of \d+$/);
    const seen = new Set();
    for (let at = 0; at < 4; at += 1) {
      seen.add(await page.locator("#detail").textContent());
      await page.locator("#step-next").click();
    }
    assert.equal(seen.size, 4);
    await page.locator("#step-back").click();
    assert.match(await position(page), /^4 of /);
    await page.locator("#step-last").click();
    assert.equal(await page.locator("#step-next").isDisabled(), true);
    await page.locator("#steps button").nth(1).click();
    assert.match(await position(page), /^2 of /);
    assert.equal(await page.locator("#steps [aria-current=step]").count(), 1);
    await page.locator("#close").click();
    assert.equal(await player(page).isVisible(), false);
  });
});

test("the player steps by key, and gives the focus back", async () => {
  await open("played", async (page) => {
    await page.locator("#list").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    const chosen = await page.locator(".list-row.active .id").textContent();
    await page.keyboard.press("Enter");
    assert.equal(await page.locator("#player-title").textContent(), chosen);
    for (const [key, place] of [["ArrowRight", /^2 /], ["ArrowRight", /^3 /], ["ArrowLeft", /^2 /], ["Home", /^1 /]]) {
      await page.keyboard.press(key);
      assert.match(await position(page), place, key);
    }
    await page.keyboard.press("End");
    assert.match(await position(page), /^(\d+) of \1$/);
    await page.keyboard.press("Home");
    await page.keyboard.press("m");
    assert.equal(await page.locator("#detail .noted").count() > 0, true);
    await page.keyboard.press("n");
    assert.notEqual(await page.locator("#player-title").textContent(), chosen);
    await page.keyboard.press("p");
    assert.equal(await page.locator("#player-title").textContent(), chosen);
    await page.keyboard.press("Escape");
    assert.equal(await player(page).isVisible(), false);
    assert.equal(await page.evaluate(() => document.activeElement.id), "list");
  });
});

test("the player plays by itself, and stops at the end", async () => {
  await open("played", async (page) => {
    await rows(page).first().click();
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowLeft");
    await page.locator("#player-title").focus();
    await page.keyboard.press(" ");
    assert.equal(await page.locator("#play").textContent(), "Pause");
    await page.waitForFunction(() => document.getElementById("play").textContent === "Play");
    assert.match(await position(page), /^(\d+) of \1$/);
  }, { bypassCSP: true });
});

test("the diagram shows where the interaction is and the arrow that it took", async () => {
  await open("played", async (page) => {
    await rows(page).first().click();
    const state = page.locator("#stage-diagram .state.is-now");
    assert.equal(await state.getAttribute("data-state"), "active");
    for (let at = 0; at < 20 && (await page.locator("#stage-diagram .arrow.is-now").count()) === 0; at += 1) {
      await page.keyboard.press("ArrowRight");
    }
    const arrow = page.locator("#stage-diagram .arrow.is-now");
    assert.equal(await arrow.count(), 1);
    assert.equal(await arrow.getAttribute("data-target"), await state.getAttribute("data-state"));
    assert.equal(await page.locator("#stage-diagram [id]").count(), 0);
  });
});

test("the address names an interaction and a step", async () => {
  let fragment = "";
  await open("played", async (page) => {
    await rows(page).nth(2).click();
    await page.keyboard.press("ArrowRight");
    fragment = await page.evaluate(() => location.hash);
  });
  assert.match(fragment, /^#id=[^&]+&step=2$/);
  await open("played", async (page) => {
    assert.equal(await player(page).isVisible(), true);
    assert.match(await position(page), /^2 of /);
  }, { fragment });
  await open("played", async (page) => {
    assert.equal(await player(page).isVisible(), false);
    assert.match(await page.locator("#spoken").textContent(), /no interaction nobody/);
  }, { fragment: "#id=nobody" });
});

test("what is searched for is found", async () => {
  await open("played", async (page) => {
    await page.keyboard.press("/");
    await page.keyboard.type("not on this interaction");
    const found = page.locator("#found");
    await page.locator("#clear").waitFor();
    assert.match(await found.textContent(), /^[1-9] of 43 interactions$/);
    assert.equal(await rows(page).count() > 0, true);
    await page.locator("#query").fill("nothing has that");
    await page.locator("#list-empty").waitFor();
    assert.equal(await found.textContent(), "0 of 43 interactions");
    assert.equal(await page.locator("#lanes-empty").isVisible(), true);
    await page.locator("#clear").click();
    assert.equal(await found.textContent(), "43 interactions");
    assert.equal(await page.evaluate(() => document.activeElement.id), "query");
  });
});

test("groups, kinds and bars narrow what is shown", async () => {
  await open("played", async (page) => {
    const found = page.locator("#found");
    await page.locator('[data-group="limit"]').click();
    const limits = await found.textContent();
    assert.match(limits, /^\d+ of 43/);
    assert.equal(await page.locator('[data-group="limit"]').getAttribute("aria-pressed"), "true");
    await page.locator('[data-group="limit"]').click();
    assert.equal(await found.textContent(), "43 interactions");
    const option = await page.locator("#mark option").nth(1).getAttribute("value");
    await page.locator("#mark").selectOption(option);
    assert.match(await found.textContent(), /^\d+ of 43/);
    await page.locator("#clear").click();
    await page.locator("#distributions summary").first().click();
    const show = page.locator("#holds-table button:not([disabled])").first();
    const many = await show.locator("xpath=../../td[1]").textContent();
    await show.click();
    assert.match(await found.textContent(), new RegExp(`^\\d+ of 43`));
    assert.equal(Number(many) >= 0, true);
    await page.locator("#among button").click();
    assert.equal(await found.textContent(), "43 interactions");
    await page.locator("#holds-chart .u-over").click({ position: { x: 12, y: 150 } });
    assert.match(await found.textContent(), /^\d+ of 43/);
  });
});

test("the list is put in another order, and shows all of them", async () => {
  await open("played", async (page) => {
    await page.locator("#everything").click();
    assert.equal(await page.locator("#list").getAttribute("aria-rowcount"), "44");
    await page.locator('[data-order="id"]').click();
    const first = await rows(page).locator(".id").first().textContent();
    assert.equal(await page.locator('[aria-sort="ascending"]').count(), 1);
    await page.locator('[data-order="id"]').click();
    assert.notEqual(await rows(page).locator(".id").first().textContent(), first);
    await page.locator("#list").focus();
    await page.keyboard.press("End");
    assert.equal(await page.locator(".list-row.active .id").textContent(), first);
  });
});

test("the timeline is moved by key, and a lane is played", async () => {
  await open("played", async (page) => {
    const shown = page.locator("#shown-time");
    const whole = await shown.textContent();
    await page.locator("#lanes").focus();
    await page.keyboard.press("+");
    const nearer = await shown.textContent();
    assert.notEqual(nearer, whole);
    await page.keyboard.press("ArrowRight");
    assert.notEqual(await shown.textContent(), nearer);
    await page.keyboard.press("0");
    assert.equal(await shown.textContent(), whole);
    await page.keyboard.press("ArrowDown");
    const id = (await page.locator("#spoken").textContent()).split(",")[0];
    await page.keyboard.press("Enter");
    assert.equal(await page.locator("#player-title").textContent(), id);
  });
});

test("dragging across the timeline zooms, and a click on a lane plays it", async () => {
  await open("played", async (page) => {
    const whole = await page.locator("#shown-time").textContent();
    const box = await page.locator("#lanes .u-over").boundingBox();
    await page.mouse.move(box.x + 100, box.y + 30);
    await page.mouse.down();
    await page.mouse.move(box.x + 260, box.y + 34, { steps: 5 });
    await page.mouse.up();
    assert.notEqual(await page.locator("#shown-time").textContent(), whole);
    assert.equal(await player(page).isVisible(), false);
    await page.mouse.move(box.x + 60, box.y + 12);
    assert.equal(await page.locator("#tip").isVisible(), true);
    await page.mouse.click(box.x + 60, box.y + 12);
    assert.equal(await player(page).isVisible(), true);
  });
});

test("what rules said stands beside the step", async () => {
  await open("ruled", async (page) => {
    await page.locator("#query").fill("close-to-limit");
    await page.locator("#clear").waitFor();
    await page.locator("#everything").click();
    await rows(page).first().click();
    for (let at = 0; at < 30 && (await page.locator("#detail pre").count()) === 0; at += 1) {
      await page.keyboard.press("ArrowRight");
    }
    assert.match(await page.locator("#detail pre").first().textContent(), /close-to-limit/);
  });
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing wrong, ${colorScheme}`, async () => {
    const options = { colorScheme, bypassCSP: true, reducedMotion: "reduce" };
    await open("played", async (page) => {
      for (const summary of await page.locator("summary").all()) await summary.click();
      assert.deepEqual(await violations(page), []);
      await page.locator("#list").focus();
      await page.keyboard.press("Enter");
      await page.keyboard.press("m");
      assert.deepEqual(await violations(page), []);
    }, options);
    await open("empty", async (page) => assert.deepEqual(await violations(page), []), options);
  });
}

test("axe finds nothing wrong on a phone", async () => {
  await open("played", async (page) => {
    assert.deepEqual(await violations(page), []);
    await rows(page).first().tap();
    assert.deepEqual(await violations(page), []);
  }, { ...PHONE, bypassCSP: true, reducedMotion: "reduce" });
});

test("light and dark are a choice that is kept", async () => {
  await open("played", async (page) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await ground();
    await page.locator("#theme").click();
    const light = await ground();
    assert.notEqual(light, dark);
    await page.locator("#theme").click();
    assert.equal(await ground(), dark);
    await page.reload();
    await page.locator("html[data-ready]").waitFor({ state: "attached" });
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  }, { colorScheme: "dark" });
});

test("a phone shows all of it without moving sideways", async () => {
  for (const name of ["played", "empty", "hostile"]) {
    await open(name, async (page) => {
      assert.equal(await isTooWide(page), false, name);
    }, PHONE);
  }
  await open("played", async (page) => {
    await rows(page).first().tap();
    await page.locator("#step-next").tap();
    assert.match(await position(page), /^2 of /);
    assert.equal(await isTooWide(page), false);
    const box = await player(page).boundingBox();
    assert.equal(box.width <= 390, true);
  }, PHONE);
});

test("text from a recording stays text", async () => {
  await open("hostile", async (page) => {
    const text = await page.evaluate(() => document.body.innerText);
    assert.match(text, /<\/script><img/);
    assert.equal(await page.locator("img, iframe, main script").count(), 0);
    await page.locator("#everything").click();
    await page.locator('[data-order="begins"]').click();
    for (let at = 0; at < 7; at += 1) {
      await rows(page).nth(at).click();
      await page.locator("#steps button").last().click();
      await page.keyboard.press("Escape");
    }
    assert.equal(await page.evaluate(() => document.title.includes("hacked")), false);
    assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
  });
});

test("an empty recording has a page that says so", async () => {
  await open("empty", async (page) => {
    assert.equal(await page.locator("#list-empty").textContent(), "Nothing was recorded.");
    assert.match(await page.locator("#holds-chart").textContent(), /No holds/);
  });
});

test("a page without a drawing shows the states as a list", async () => {
  await open("undrawn", async (page) => {
    assert.equal(await page.locator("#machine details").getAttribute("open"), "");
    await rows(page).first().click();
    assert.equal(await page.locator("#stage-diagram .states .is-now").count(), 1);
  });
});

test("10,000 interactions load and move fluently", async () => {
  await open("day", async (page) => {
    assert.equal(await page.locator("#found").textContent(), "10,000 interactions");
    // Some 600 ms on two cores; other tests run at the same time.
    assert.equal(Number(await page.locator("html").getAttribute("data-ready")) < 6000, true);
    await page.locator("#everything").click();
    assert.equal(await rows(page).count() < 40, true);
    for (const box of ["#lanes", "#list"]) {
      const frames = await page.locator(box).evaluate(async (element) => {
        const found = [];
        let last = performance.now();
        for (let at = 0; at < 60; at += 1) {
          element.scrollTop += 3000;
          await new Promise(requestAnimationFrame);
          found.push(performance.now() - last);
          last = performance.now();
        }
        return found.sort((one, other) => one - other);
      });
      // 17 ms is a frame; a machine that does other things besides may take some of them.
      assert.equal(frames[30] < 50, true, `${box}: median frame ${frames[30]} ms`);
    }
    await page.locator("#query").fill("interaction is busy");
    await page.locator("#clear").waitFor();
    assert.match(await page.locator("#found").textContent(), /^\d+ of 10,000/);
  });
});
