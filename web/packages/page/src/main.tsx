/** Wires the page together. */

import { render } from "preact";
import { Client } from "./client/client.ts";
import type { Config } from "./client/documents.ts";
import { Problem } from "./client/errors.ts";
import { Hasher } from "./digest/hasher.ts";
import { Account, type Place } from "./upload/account.ts";
import { Connection } from "./upload/connection.ts";
import { Selection } from "./upload/selection.ts";
import { Unfinished } from "./upload/unfinished.ts";
import { Uploader } from "./upload/uploader.ts";
import { App } from "./view/app.tsx";
import "./view/style.css";

const root = new URL(".", document.baseURI).href;
const account = new Account(new Client({ root }), sessionStorage, addressBar(), root);
const connection = new Connection(root, sessionStorage, account);
const client = new Client({ root, token: connection.token, patience: connection.patience });
const selection = new Selection();
const unfinished = new Unfinished(root, localStorage, navigator.locks);
const hasher = new Hasher();
const uploader = new Uploader({ client, hasher, connection, selection, unfinished });

function addressBar(): Place {
  return {
    href: location.href,
    go: (url) => location.assign(url),
    say: (url) => history.replaceState(null, "", url),
  };
}

function draw(config: Config | null): void {
  render(
    <App {...{ uploader, selection, connection, account, unfinished, config }} />,
    document.body,
  );
}

addEventListener("beforeunload", (event) => {
  if (uploader.busy && !account.isLeaving) event.preventDefault();
});

/** Ask until somebody is let in of whom a tenant is known. */
async function configure(): Promise<Config> {
  try {
    return await client.config();
  } catch (error) {
    if (!(error instanceof Problem && error.status === 403)) throw error;
    account.complain(error.message);
    await connection.refuse();
    return await configure();
  }
}

draw(null);
await account.finish();
const config = await configure();
uploader.configure(config);
await unfinished.open(config.tenant);
draw(config);
