/* The status page in a browser, driven by test_page_browser.py:
 *
 *     node page.js CHROMIUM URL SCENARIO FOLDER
 *
 * Prints a word where the test is to do something; ends with 1 and the reason when something is not
 * as it should be. Pictures of what was seen go to FOLDER. */
"use strict";

const assert = require("assert");
const { chromium } = require("playwright-core");

const PATIENCE = { timeout: 60000 };
const [, , executablePath, url, scenario, folder] = process.argv;
const ARGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"];
const SCREENS = [[1360, "light"], [1360, "dark"], [900, "dark"], [390, "light"], [390, "dark"]];
const TRIES = 2;
const UPDATES = 5;

/* On every screen: nothing sticks out, and the colours are those asked for. */
async function pictures(page, name) {
  for (const [width, colorScheme] of SCREENS) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    const [wide, background] = await page.evaluate(() => [
      document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor]);
    assert.ok(wide <= width, `${wide} wide on ${width}`);
    assert.strictEqual(background === "rgb(17, 22, 21)", colorScheme === "dark");
    await page.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}.png` });
  }
  await page.setViewportSize({ width: 1360, height: 900 });
}

async function updated(page, more = 2) {
  const from = Number(await page.evaluate(() => document.body.dataset.updates || 0));
  await page.waitForFunction((count) => Number(document.body.dataset.updates) >= count, from + more, PATIENCE);
}

const names = (page) => page.$$eval("#rows .name", (found) => found.map((one) => one.textContent));

async function content(page) {
  await updated(page);
  assert.deepStrictEqual(await names(page), ["in", "out"]);
  assert.match(await page.textContent("#rows"), /channel orders → queue work/);
  assert.match(await page.textContent("#connections"), /redis redisup/);
  assert.ok(await page.isHidden("#problems"));
  assert.strictEqual(await page.textContent("#live"), "live");
  assert.strictEqual(await page.textContent("#t-running"), "2 / 2");
  await page.evaluate(() => {
    window.seen = false;
    const look = () => { window.seen = window.seen || document.getElementById("t-delivered").textContent !== "0"; };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  console.log("publish");
  await page.waitForFunction(() => window.seen, null, PATIENCE);
  await page.click("th[data-key=name] button");
  await page.click("th[data-key=name] button");
  assert.strictEqual(await page.getAttribute("th[data-key=name]", "aria-sort"), "descending");
  assert.deepStrictEqual(await names(page), ["out", "in"]);
  await page.keyboard.press("/");
  await page.keyboard.type("orders");
  assert.deepStrictEqual(await names(page), ["out"]);
  await page.keyboard.press("Escape");
  await page.selectOption("#state", "wrong");
  assert.deepStrictEqual(await names(page), []);
  assert.ok(await page.isVisible("#none"));
  await page.selectOption("#state", "");
  await keyboard(page);
  await pictures(page, "well");
}

/* By keyboard alone, and with the names and roles that a screen reader tells. */
async function keyboard(page) {
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
  await page.reload(PATIENCE);
  await updated(page);
  await page.keyboard.press("Tab");
  assert.strictEqual(await focused(), "Skip to the bridges");
  await page.keyboard.press("Enter");
  assert.strictEqual(await focused(), "bridges");
  await page.keyboard.press("Tab");
  assert.strictEqual(await focused(), "find");
  await page.keyboard.press("Tab");
  assert.strictEqual(await focused(), "state");
  await page.keyboard.press("Tab");
  assert.strictEqual(await focused(), "Bridge");
  await page.keyboard.press("Enter");
  assert.strictEqual(await page.getAttribute("th[data-key=name]", "aria-sort"), "ascending");
  const table = page.getByRole("table", { name: "Bridges" });
  assert.strictEqual(await table.getByRole("row").count(), 3);
  assert.strictEqual(await table.getByRole("row").nth(1).getByRole("cell").count(), 10);
  assert.strictEqual(await table.getByRole("columnheader", { name: "State" }).count(), 1);
  assert.strictEqual(await page.getByRole("searchbox", { name: /Find by name/ }).count(), 1);
  assert.strictEqual(await page.getByRole("combobox", { name: "State" }).count(), 1);
  assert.strictEqual(await page.getByRole("heading", { name: "Connections" }).count(), 1);
  assert.ok(await page.getByRole("status").filter({ hasText: "live" }).isVisible());
}

/* How long updates take in all: the script, and the layout of what it changed. */
async function measure(page) {
  await page.evaluate(() => {
    window.took = [];
    new MutationObserver(() => {
      const began = performance.now();
      document.body.getBoundingClientRect();
      window.took.push(Number(document.body.dataset.updateMs) + performance.now() - began);
    }).observe(document.body, { attributeFilter: ["data-updates"] });
  });
  await page.waitForFunction((count) => window.took.length >= count, UPDATES, PATIENCE);
  const took = await page.evaluate(() => window.took.sort((a, b) => a - b));
  return took[Math.floor(took.length / 2)];
}

/* Prints when it shows that the broker is gone, in ms of the clock. */
async function trouble(page) {
  await updated(page);
  await page.evaluate(() => {
    new MutationObserver(() => {
      if (!document.getElementById("problems").hidden) window.shown = Date.now();
    }).observe(document.getElementById("problems"), { attributeFilter: ["hidden"] });
  });
  for (let number = 0; number < TRIES; number++) {
    console.log("break");
    await page.waitForSelector("#problems:not([hidden])", PATIENCE);
    await page.waitForFunction(() => /Connection rabbit/.test(document.getElementById("problem-list").textContent), null, PATIENCE);
    console.log(await page.evaluate(() => window.shown));
    await page.waitForSelector("#rows tr.wrong", PATIENCE);
    assert.match(await page.title(), /^\(\d\) /);
    if (number === 0) await pictures(page, "trouble");
    console.log("heal");
    await page.waitForSelector("#problems", { state: "hidden", ...PATIENCE });
    await page.waitForSelector("#rows tr.wrong", { state: "detached", ...PATIENCE });
  }
  console.log("stop");
  await page.waitForFunction(() => /gone|silent/.test(document.getElementById("live").textContent), null, PATIENCE);
  assert.ok(await page.evaluate(() => document.body.classList.contains("gone")));
  await page.screenshot({ path: `${folder}/gone.png` });
}

async function many(page) {
  await updated(page);
  assert.strictEqual((await names(page)).length, 100);
  assert.strictEqual(await page.textContent("#more"), "Show all 1000");
  assert.strictEqual(await page.textContent("#t-running"), "1000 / 1000");
  console.log("publish");
  console.log((await measure(page)).toFixed(1));
  await page.fill("#find", "bridge-0777");
  assert.deepStrictEqual(await names(page), ["bridge-0777"]);
  await page.fill("#find", "");
  await page.click("#more");
  assert.strictEqual((await names(page)).length, 1000);
  console.log((await measure(page)).toFixed(1));
  await page.click("th[data-key=inRate] button");
  console.log((await measure(page)).toFixed(1));
}

async function main() {
  const browser = await chromium.launch({ executablePath, args: ARGS });
  const page = await browser.newPage({ viewport: { width: 1360, height: 900 } });
  const errors = [];
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(url, PATIENCE);
  await { content, trouble, many }[scenario](page);
  const own = errors.filter((text) => scenario !== "trouble" || !/ERR_|Failed to load/.test(text));
  assert.deepStrictEqual(own, []);
  await browser.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
