/* The status page in a browser, driven by test_page.py:
 *
 *     node page.js CHROMIUM URL SCENARIO
 *
 * Prints a word where the test is to do something; ends with 1 and the reason when something is not
 * as it should be. */
"use strict";

const assert = require("assert");
const { chromium } = require("playwright-core");

const PATIENCE = { timeout: 60000 };
const [, , executablePath, url, scenario] = process.argv;

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
  for (const [width, scheme] of [[390, "light"], [900, "dark"], [1360, "dark"]]) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme: scheme });
    const [wide, background] = await page.evaluate(() => [
      document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor]);
    assert.ok(wide <= width, `${wide} wide on ${width}`);
    assert.strictEqual(background === "rgb(17, 22, 21)", scheme === "dark");
    assert.ok(await page.isVisible("#rows .pill"));
  }
}

async function trouble(page) {
  await updated(page);
  console.log("break");
  await page.waitForSelector("#problems:not([hidden])", PATIENCE);
  await page.waitForFunction(() => /Connection rabbit/.test(document.getElementById("problem-list").textContent), null, PATIENCE);
  await page.waitForSelector("#rows tr.wrong", PATIENCE);
  assert.match(await page.title(), /^\(\d\) /);
  console.log("stop");
  await page.waitForFunction(() => /gone|silent/.test(document.getElementById("live").textContent), null, PATIENCE);
  assert.ok(await page.evaluate(() => document.body.classList.contains("gone")));
}

async function many(page) {
  await updated(page);
  assert.strictEqual((await names(page)).length, 100);
  assert.strictEqual(await page.textContent("#more"), "Show all 1000");
  assert.strictEqual(await page.textContent("#t-running"), "1000 / 1000");
  console.log("publish");
  await page.evaluate(() => {
    window.longest = 0;
    new MutationObserver(() => {
      window.longest = Math.max(window.longest, Number(document.body.dataset.updateMs));
    }).observe(document.body, { attributes: true });
  });
  await updated(page, 4);
  const longest = await page.evaluate(() => window.longest);
  assert.ok(longest > 0 && longest < 1000, `an update took ${longest} ms`);
  console.log(`longest update ${longest} ms`);
  await page.fill("#find", "bridge-0777");
  assert.deepStrictEqual(await names(page), ["bridge-0777"]);
  await page.fill("#find", "");
  await page.click("#more");
  assert.strictEqual((await names(page)).length, 1000);
}

async function main() {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
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
