/**
 * Uses the page in Firefox, and prints in JSON what the rows say at the end.
 *
 * Call: node firefox.mjs BROWSER URL STEP…; the steps are the keys of `STEPS`, with their arguments
 * after colons, such as `click:talk.mp4:Cancel`.
 */

import puppeteer from "puppeteer-core";

const [executablePath, url, ...steps] = process.argv.slice(2);
/** The states of files that are done; if they are only checked, also `new`. */
const done = ["duplicate", "placed", "unconfirmed", "uploaded", "failed", "taken", "skipped"];
const TIMEOUT_MS = 60_000;

const STEPS = {
  /** Choose files, and wait until all are done. */
  choose: async (page, paths) => await STEPS.until(page, () => STEPS.add(page, paths)),
  until: async (page, act) => {
    const before = (await rows(page)).length;
    await act();
    const areDone = (states, count) => {
      const found = [...document.querySelectorAll('[data-testid="row"]')];
      return found.length > count && found.every(({ dataset }) => states.includes(dataset.state));
    };
    await page.waitForFunction(areDone, {}, done, before);
  },
  /** Choose files. */
  add: async (page, paths) => {
    const chooser = await page.waitForSelector("[data-testid=files-input]");
    await chooser.uploadFile(...paths.split(","));
  },
  /** Choose a folder by its button, and wait until all of its files are done. */
  folder: async (page, path) => {
    await inBrowser(replaceDialog, path);
    await STEPS.until(page, async () => {
      await page.click("button::-p-text(Choose a folder)");
      await inBrowser(acceptQuestion); // whether to upload all of its files
    });
  },
  /** Choose to upload nothing. */
  "check-only": async (page) => {
    await page.click("label::-p-text(Check only)");
    done.push("new");
  },
  /** Let requests whose URL ends so have no answer. */
  hold: async (page, end) => {
    await page.setRequestInterception(true);
    page.removeAllListeners("request");
    page.on("request", (request) => request.url().endsWith(end) || request.continue());
  },
  /** Let all later requests have an answer. */
  release: async (page) => {
    page.removeAllListeners("request");
    await page.setRequestInterception(false);
  },
  /** Wait until a file is in a state. */
  wait: async (page, key, state) => {
    await page.waitForSelector(`[data-key="${key}"][data-state="${state}"]`);
  },
  /** Click a button of a file. */
  click: async (page, key, name) => await press(page, `[data-key="${key}"] button`, name),
  /** Click a button that is for all files. */
  press: async (page, name) => await press(page, ":is(.progress, .for-all) button", name),
};

const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath,
  headless: true,
  args: ["--remote-allow-system-access"],
});
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
  const [verb, ...words] = step.split(":");
  try {
    await STEPS[verb](page, ...words);
  } catch (error) {
    throw new Error(`${step}: ${error.message}; ${JSON.stringify(await rows(page))}`);
  }
}

/** Click the button with this name once it is there; others move while files are processed. */
async function press(page, selector, name) {
  const found = (selector, name) =>
    [...document.querySelectorAll(selector)].find(({ textContent }) => textContent === name);
  const button = await page.waitForFunction(found, {}, selector, name);
  await button.evaluate((element) => element.click());
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

/**
 * Call a function in the browser's own process: WebDriver BiDi can't choose folders, so another dialog
 * is put in the place of the browser's, as Mozilla's own tests do it.
 */
async function inBrowser(act, ...words) {
  const { connection } = browser;
  const scope = { "moz:scope": "chrome" };
  const { result: tree } = await connection.send("browsingContext.getTree", scope);
  const { result: done } = await connection.send("script.callFunction", {
    functionDeclaration: String(act),
    arguments: words.map((value) => ({ type: "string", value })),
    target: { context: tree.contexts[0].context },
    awaitPromise: true,
  });
  if (done.type !== "success") throw new Error(done.exceptionDetails.text);
}

/** Let the dialog for a folder answer with this one. */
function replaceDialog(path) {
  const { ChromeUtils, Components, Services } = globalThis;
  const { classes, interfaces, manager } = Components;
  const file = classes["@mozilla.org/file/local;1"].createInstance(interfaces.nsIFile);
  file.initWithPath(path);
  const dialog = {
    QueryInterface: ChromeUtils.generateQI(["nsIFilePicker"]),
    init: () => undefined,
    appendFilter: () => undefined,
    file,
    open: (callback) =>
      Services.tm.dispatchToMainThread(() => callback.done(interfaces.nsIFilePicker.returnOK)),
  };
  const factory = {
    QueryInterface: ChromeUtils.generateQI(["nsIFactory"]),
    createInstance: (kind) => dialog.QueryInterface(kind),
  };
  manager
    .QueryInterface(interfaces.nsIComponentRegistrar)
    .registerFactory(Services.uuid.generateUUID(), "", "@mozilla.org/filepicker;1", factory);
}

/** Accept the question that the browser asks in the tab, once it is there. */
async function acceptQuestion() {
  const { gBrowser } = globalThis;
  const questions = gBrowser.getTabDialogBox(gBrowser.selectedBrowser).getTabDialogManager();
  for (let tries = 0; tries < 300; tries++) {
    const shown = questions._dialogs[0]?._frame.contentDocument?.querySelector("dialog");
    const button = shown?._buttons?.accept;
    if (button && !button.disabled) return button.click();
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error("the browser did not ask whether to upload the folder");
}
