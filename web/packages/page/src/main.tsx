/** Entry point of the page: creates its parts and connects them. */

import { Client, type Config, Hasher, Problem, Unfinished } from "@onecopy/client";
import { render } from "preact";
import { Connection } from "./connection.ts";
import { type Address, Session } from "./session.ts";
import { Selection } from "./upload/selection.ts";
import { Uploader } from "./upload/uploader.ts";
import { App } from "./view/app.tsx";
import "./view/style.css";

const root = new URL(".", document.baseURI).href;
const session = new Session(new Client({ root }), sessionStorage, pageAddress(), root);
const connection = new Connection(root, sessionStorage, session);
const { token, retryPolicy } = connection;
const client = new Client({ root, token, retryPolicy });
const selection = new Selection();
const unfinished = new Unfinished(root, localStorage, navigator.locks);
const hasher = new Hasher();
const uploader = new Uploader({ client, hasher, network: connection, selection, unfinished });

function pageAddress(): Address {
  return {
    href: location.href,
    leaveFor: (url) => location.assign(url),
    replace: (url) => history.replaceState(null, "", url),
  };
}

function draw(config: Config | null): void {
  render(
    <App {...{ client, uploader, selection, connection, session, unfinished, config }} />,
    document.body,
  );
}

addEventListener("beforeunload", (event) => {
  if (uploader.isBusy && !session.isLeaving) event.preventDefault();
});

addEventListener("pagehide", () => uploader.reportAvoided());

/** Return the configuration; while the user belongs to no tenant (403), let them sign in again. */
async function readConfig(): Promise<Config> {
  try {
    return await client.config();
  } catch (error) {
    if (!(error instanceof Problem && error.status === 403)) throw error;
    session.showError(error.message);
    await connection.refuseToken();
    return await readConfig();
  }
}

draw(null);
await session.finish();
const config = await readConfig();
uploader.configure(config);
await unfinished.open(config.tenant);
draw(config);
hasher.start();
