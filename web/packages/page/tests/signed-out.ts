/** A session in which nobody has signed in, and nobody can. */

import { backoff, Client } from "@onecopy/client";
import { Session } from "../src/session.ts";

export const emptyStorage = {
  getItem: () => null,
  setItem: () => undefined,
  removeItem: () => undefined,
};

const root = "http://127.0.0.1:9/";
const address = { href: root, leaveFor: () => undefined, replace: () => undefined };
const client = new Client({ root, retryPolicy: backoff(1) });

export const signedOut = new Session(client, emptyStorage, address, root);
