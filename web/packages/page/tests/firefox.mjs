/**
 * Uses the page in Firefox: chooses files, and prints in JSON what their rows say.
 *
 * Call: node firefox.mjs BROWSER URL STEP…; a step is `choose:FILE,…` (choose files, and wait until
 * all are done), or `check-only` (choose to upload nothing).
 */

import puppeteer from "puppeteer-core";

const [executablePath, url, ...steps] = process.argv.slice(2);
/** The states of files that are done; if they are only checked, also `new`. */
const done = ["duplicate", "unconfirmed", "uploaded", "failed", "taken", "skipped"];
const TIMEOUT_MS = 60_000;

const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  const complaints = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);
  for (const step of steps) await take(page, step);
  process.stdout.write(JSON.stringify({ rows: await rows(page), complaints }));
} finally {
  await browser.close();
}

async function take(page, step) {
  const [verb, paths = ""] = step.split(/:(.*)/);
  if (verb === "choose") return await choose(page, paths.split(","));
  await page.click("label::-p-text(Check only)");
  done.push("new");
}

async function choose(page, paths) {
  const before = (await rows(page)).length;
  const chooser = await page.waitForSelector("[data-testid=files-input]");
  await chooser.uploadFile(...paths);
  const areDone = (states, count) => {
    const found = [...document.querySelectorAll('[data-testid="row"]')];
    return found.length > count && found.every(({ dataset }) => states.includes(dataset.state));
  };
  await page.waitForFunction(areDone, {}, done, before);
}

function rows(page) {
  return page.$$eval('[data-testid="row"]', (found) =>
    found.map(({ dataset, innerText }) => ({
      key: dataset.key,
      state: dataset.state,
      text: innerText,
    })),
  );
}
