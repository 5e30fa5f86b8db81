import { createHash } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Client } from "../../src/client/client.ts";
import { patient } from "../../src/client/patience.ts";
import { Account } from "../../src/upload/account.ts";

/** An issuer that takes each code once, from whoever knows the secret behind its challenge. */
class Issuer {
  origin = "";
  /** What it says its name is; empty: the true one. */
  name = "";
  /** Claims that it states otherwise than it should. */
  wrong: Record<string, unknown> = {};
  /** What the page states of it. */
  terms: Record<string, string> = {};
  readonly forms: URLSearchParams[] = [];
  readonly #codes = new Map<string, URLSearchParams>();
  readonly #server = createServer(async (request, response) => {
    const [status, document] = await this.#answer(request);
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(JSON.stringify(document));
  });

  async open(): Promise<void> {
    await new Promise<void>((listening) => this.#server.listen(0, "127.0.0.1", listening));
    this.origin = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    this.terms = { issuer: this.origin, client_id: "page", scopes: "openid" };
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Let somebody in who was sent there; returns where they are sent back. */
  letIn(url: string): URL {
    const asked = new URL(url).searchParams;
    this.#codes.set("c0de", asked);
    const back = new URL(asked.get("redirect_uri") ?? "");
    back.searchParams.set("code", "c0de");
    back.searchParams.set("state", asked.get("state") ?? "");
    return back;
  }

  async #answer(request: IncomingMessage): Promise<[number, object]> {
    let body = "";
    for await (const chunk of request) body += chunk;
    if (request.url === "/v1/sign-in") return [200, this.terms];
    if (request.url !== "/token") return [200, this.#metadata()];
    const form = new URLSearchParams(body);
    this.forms.push(form);
    return this.#tokens(form);
  }

  #metadata(): object {
    return {
      issuer: this.name || this.origin,
      authorization_endpoint: `${this.origin}/authorize?prompt=login`,
      token_endpoint: `${this.origin}/token`,
      end_session_endpoint: `${this.origin}/logout`,
    };
  }

  #tokens(form: URLSearchParams): [number, object] {
    if (form.get("grant_type") === "refresh_token") return [200, { id_token: this.#token(null) }];
    const asked = this.#codes.get(form.get("code") ?? "");
    this.#codes.clear();
    const hash = createHash("sha256").update(form.get("code_verifier") ?? "");
    if (asked?.get("code_challenge") !== hash.digest("base64url"))
      return [400, { error: "invalid_grant" }];
    const [id_token, access_token] = [this.#token(asked.get("nonce")), "for the API"];
    return [200, { id_token, access_token, refresh_token: "again" }];
  }

  #token(nonce: string | null): string {
    const claims = { iss: this.origin, aud: "page", nonce, name: "Zoë 🙂", ...this.wrong };
    const [head, body] = [{ alg: "none" }, claims].map((part) =>
      Buffer.from(JSON.stringify(part)).toString("base64url"),
    );
    return `${head}.${body}.`;
  }
}

const ROOT = "https://up.example/";
let issuer: Issuer;
let kept: Map<string, string>;
let went: string[];
let said: string[];

beforeEach(async () => {
  issuer = new Issuer();
  await issuer.open();
  [kept, went, said] = [new Map(), [], []];
});

afterEach(() => issuer.close());

/** Open the page; the tab's sessionStorage stays. */
function page(href = ROOT): Account {
  const keep = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  };
  const place = {
    href,
    go: (url: string) => void went.push(url),
    say: (url: string) => void said.push(url),
  };
  const client = new Client({ root: `${issuer.origin}/`, patience: patient(1) });
  return new Account(client, keep, place, ROOT);
}

/** Go to the issuer and come back. */
async function signIn(change: (back: URL) => void = () => undefined): Promise<Account> {
  await page().begin();
  const back = issuer.letIn(went.at(-1) ?? "");
  change(back);
  const account = page(back.href);
  await account.finish();
  return account;
}

describe("signing in", () => {
  it("gives the ID token, to whoever holds the secret behind the challenge", async () => {
    const account = await signIn();
    expect(account.trouble).toBe("");
    expect(account.token).toMatch(/^ey/);
    const asked = new URL(went[0] ?? "").searchParams;
    expect(Object.fromEntries(asked)).toMatchObject({
      prompt: "login",
      response_type: "code",
      client_id: "page",
      redirect_uri: ROOT,
      scope: "openid",
      code_challenge_method: "S256",
    });
    expect(asked.has("audience")).toBe(false);
    expect(issuer.forms[0]?.get("code_verifier")).toHaveLength(43);
  });

  it("gives the access token where it is for an API of its own", async () => {
    issuer.terms["audience"] = "https://api.example";
    const account = await signIn();
    expect(account.token).toBe("for the API");
    expect(new URL(went[0] ?? "").searchParams.get("audience")).toBe("https://api.example");
  });

  it("takes the code from the address bar before anything else", async () => {
    await signIn();
    expect(said).toEqual([ROOT]);
  });

  it("keeps neither the way back nor what gets other tokens", async () => {
    await signIn();
    expect([...kept.keys()]).toEqual(["onecopy-signed-in"]);
    expect([...kept.values()].join()).not.toContain("again");
  });

  it("is renewed as long as the page is open", async () => {
    const account = await signIn();
    expect(await account.renew()).toBe(true);
    expect(await account.renew()).toBe(true);
    expect(issuer.forms.map((form) => form.get("refresh_token"))).toEqual([null, "again", "again"]);
    expect(await page().renew()).toBe(false);
  });

  it("is waited for by work that has begun before it is finished", async () => {
    await page().begin();
    const account = page(issuer.letIn(went[0] ?? "").href);
    const finished = account.finish();
    expect(await account.renew()).toBe(true);
    expect(account.token).toMatch(/^ey/);
    await finished;
    expect(issuer.forms).toHaveLength(1);
  });

  it("ends here, and at the issuer", async () => {
    const account = await signIn();
    await account.signOut();
    expect(account.token).toBeNull();
    expect(went.at(-1)).toMatch(/\/logout\?client_id=page&post_logout_redirect_uri=https/);
    expect(await account.renew()).toBe(false);
  });
});

describe("nobody is signed in", () => {
  it("where no issuer is named", async () => {
    issuer.terms = {};
    const account = page();
    await account.look();
    await account.begin();
    expect([account.isOffered, went]).toEqual([false, []]);
  });

  it.each(["another", ""])("by an answer with a wrong state: %j", async (state) => {
    const account = await signIn((back) => back.searchParams.set("state", state));
    expect(account.token).toBeNull();
    expect(account.trouble).toContain("belongs to no sign-in of this page");
    expect(issuer.forms).toEqual([]);
  });

  it("by an answer that nobody waits for, or the same answer twice", async () => {
    const back = `${ROOT}?code=c0de&state=stolen`;
    const account = page(back);
    await account.finish();
    expect(account.trouble).toContain("belongs to no sign-in of this page");
    await page().begin();
    const { search } = issuer.letIn(went.at(-1) ?? "");
    await page(ROOT + search).finish();
    kept.delete("onecopy-signed-in");
    const again = page(ROOT + search);
    await again.finish();
    expect(again.token).toBeNull();
  });

  it("by another issuer's answer", async () => {
    const account = await signIn((back) => back.searchParams.set("iss", "https://evil.example"));
    expect(account.trouble).toContain("from another issuer");
    expect(issuer.forms).toEqual([]);
  });

  it.each([
    ["another nonce", { nonce: "old" }],
    ["another client", { aud: ["other"] }],
    ["another issuer", { iss: "https://evil.example" }],
  ])("by a token for %s", async (_, wrong) => {
    issuer.wrong = wrong;
    const account = await signIn();
    expect(account.token).toBeNull();
    expect(account.trouble).toContain("is not for this sign-in");
  });

  it("by an issuer that names itself otherwise", async () => {
    issuer.name = "https://evil.example";
    const account = page();
    await account.begin();
    expect(account.trouble).toContain("names itself otherwise");
    expect(went).toEqual([]);
  });

  it("without TLS, but on this machine", async () => {
    issuer.terms["issuer"] = "http://issuer.example";
    const account = page();
    await account.begin();
    expect(account.trouble).toContain("no address with https");
  });

  it("when they changed their mind, and the issuer's word is told", async () => {
    const account = await signIn((back) => {
      back.searchParams.delete("code");
      back.searchParams.set("error", "access_denied");
    });
    expect(account.trouble).toMatch(/did not let you in \(access_denied\)/);
  });

  it("while the issuer can't be reached, and that is said", async () => {
    const account = page();
    await account.look();
    issuer.close();
    await account.begin();
    expect(account.trouble).toMatch(/^127\.0\.0\.1:\d+, where people sign in, can’t be reached\.$/);
  });
});
