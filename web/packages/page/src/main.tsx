/** Entry point of the page: creates its parts and connects them. */

import { Client, type Config, Hasher, Problem, Unfinished } from "@onecopy/client";
import { render } from "preact";
import { Connection } from "./connection.ts";
import { keepFocus } from "./focus.ts";
import { type Address, Session } from "./session.ts";
import { ensureStorage } from "./storage.ts";
import { chosenTheme, showTheme } from "./theme.ts";
import { keptChoice } from "./upload/choice.ts";
import { Database } from "./upload/database.ts";
import { RecentFolders } from "./upload/destination.ts";
import { DigestCache } from "./upload/digest-cache.ts";
import { RememberedFolders } from "./upload/remembered.ts";
import { Selection } from "./upload/selection.ts";
import { Uploader } from "./upload/uploader.ts";
import { App } from "./view/app.tsx";
import { preferredLanguage, setLanguage } from "./words/language.ts";
import "./view/style.css";

ensureStorage(globalThis);
showTheme(chosenTheme(localStorage));
keepFocus(document);

const root = new URL(".", document.baseURI).href;
const session = new Session(new Client({ root }), sessionStorage, pageAddress(), root);
const connection = new Connection(root, sessionStorage, session);
const { token, retryPolicy } = connection;
const client = new Client({ root, token, retryPolicy });
const selection = new Selection();
const unfinished = new Unfinished(root, localStorage, navigator.locks);
const hasher = new Hasher();
const database = new Database(indexedDB);
const cache = new DigestCache(database);
const folders = new RememberedFolders(database);
const network = connection;
const uploader = new Uploader({ client, hasher, network, selection, unfinished, cache });
uploader.folder = new RecentFolders(localStorage).list[0] ?? "";
uploader.choice = keptChoice(localStorage);

function pageAddress(): Address {
  return {
    href: location.href,
    leaveFor: (url) => location.assign(url),
    replace: (url) => history.replaceState(null, "", url),
  };
}

const parts = { client, uploader, selection, connection, session, unfinished, cache, folders };

function draw(config: Config | null, error?: unknown): void {
  render(<App {...{ ...parts, config, error }} />, document.body);
}

addEventListener("beforeunload", (event) => {
  if (uploader.isBusy && !session.isLeaving) event.preventDefault();
});

addEventListener("pagehide", () => {
  void uploader.reportAvoided();
  void cache.save();
});

/** Return the configuration; while the user belongs to no tenant (403), let them sign in again. */
async function readConfig(): Promise<Config> {
  try {
    return await client.config();
  } catch (error) {
    const isRefused = error instanceof Problem && error.status === 403;
    if (!isRefused || error.reason === "http-403") throw error; // the latter is a proxy’s answer
    session.showError(error.message);
    await connection.refuseToken();
    return await readConfig();
  }
}

/** Apply the style sheet, which index.html only preloads: so its head is painted before. */
async function applyStyle(): Promise<void> {
  const sheet = document.querySelector<HTMLLinkElement>("link[as=style]");
  if (sheet === null) return;
  await new Promise((settle) => {
    sheet.onload = sheet.onerror = settle;
    sheet.rel = "stylesheet";
  });
}

/** Draw the page, and again when the service has answered. */
async function start(): Promise<void> {
  const language = preferredLanguage(localStorage, navigator.languages);
  await Promise.all([setLanguage(language), applyStyle()]);
  document.body.replaceChildren(); // what index.html shows until now
  draw(null);
  void folders.open();
  void cache.open();
  await session.finish();
  try {
    const config = await readConfig();
    uploader.configure(config);
    await unfinished.open(config.tenant);
    draw(config);
    hasher.start();
  } catch (error) {
    draw(null, error);
  }
}

void start();
