/** A page on which nobody has signed in, and can't. */

import { Client } from "../../src/client/client.ts";
import { patient } from "../../src/client/patience.ts";
import { Account } from "../../src/upload/account.ts";

export const nothing = {
  getItem: () => null,
  setItem: () => undefined,
  removeItem: () => undefined,
};

const root = "http://127.0.0.1:9/";
const place = { href: root, go: () => undefined, say: () => undefined };

export const nobody = new Account(new Client({ root, patience: patient(1) }), nothing, place, root);
