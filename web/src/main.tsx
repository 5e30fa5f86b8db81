/** Wires the page together. */

import { render } from "preact";
import { Client } from "./client/client.ts";
import type { Config } from "./client/documents.ts";
import { Hasher } from "./digest/hasher.ts";
import { Connection } from "./upload/connection.ts";
import { Selection } from "./upload/selection.ts";
import { Unfinished } from "./upload/unfinished.ts";
import { Uploader } from "./upload/uploader.ts";
import { App } from "./view/app.tsx";
import "./view/style.css";

const root = new URL(".", document.baseURI).href;
const connection = new Connection(root, sessionStorage);
const client = new Client({ root, token: connection.token, patience: connection.patience });
const selection = new Selection();
const unfinished = new Unfinished(root, localStorage, navigator.locks);
const hasher = new Hasher();
const uploader = new Uploader({ client, hasher, connection, selection, unfinished });

function draw(config: Config | null): void {
  render(<App {...{ uploader, selection, connection, unfinished, config }} />, document.body);
}

addEventListener("beforeunload", (event) => {
  if (uploader.busy) event.preventDefault();
});
draw(null);
const config = await client.config();
uploader.configure(config);
await unfinished.open(config.tenant);
draw(config);
