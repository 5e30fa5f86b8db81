import { createHash } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { backoff, Client } from "@onecopy/client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Session } from "../src/session.ts";

/** An issuer that accepts each code once, from the client with the verifier of its challenge. */
class Issuer {
  origin = "";
  /** The name that it reports; if empty, the true one. */
  name = "";
  /** Claims that replace the correct ones. */
  wrong: Record<string, unknown> = {};
  /** The sign-in configuration of the service. */
  config: Record<string, string> = {};
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
    this.config = { issuer: this.origin, client_id: "page", scopes: "openid" };
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Accept a user who was sent to `url`; returns the URL to which they return. */
  accept(url: string): URL {
    const query = new URL(url).searchParams;
    this.#codes.set("c0de", query);
    const back = new URL(query.get("redirect_uri") ?? "");
    back.searchParams.set("code", "c0de");
    back.searchParams.set("state", query.get("state") ?? "");
    return back;
  }

  async #answer(request: IncomingMessage): Promise<[number, object]> {
    let body = "";
    for await (const chunk of request) body += chunk;
    if (request.url === "/v1/sign-in") return [200, this.config];
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
    const query = this.#codes.get(form.get("code") ?? "");
    this.#codes.clear();
    const hash = createHash("sha256").update(form.get("code_verifier") ?? "");
    if (query?.get("code_challenge") !== hash.digest("base64url"))
      return [400, { error: "invalid_grant" }];
    const [id_token, access_token] = [this.#token(query.get("nonce")), "for the API"];
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
let stored: Map<string, string>;
let visited: string[];
let shown: string[];

beforeEach(async () => {
  issuer = new Issuer();
  await issuer.open();
  [stored, visited, shown] = [new Map(), [], []];
});

afterEach(() => issuer.close());

/** Open the page, with the tab's sessionStorage. */
function open(href = ROOT): Session {
  const storage = {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => void stored.set(name, value),
    removeItem: (name: string) => void stored.delete(name),
  };
  const address = {
    href,
    leaveFor: (url: string) => void visited.push(url),
    replace: (url: string) => void shown.push(url),
  };
  const client = new Client({ root: `${issuer.origin}/`, retryPolicy: backoff(1) });
  return new Session(client, storage, address, ROOT);
}

/** Go to the issuer and return. */
async function signIn(change: (back: URL) => void = () => undefined): Promise<Session> {
  await open().begin();
  const back = issuer.accept(visited.at(-1) ?? "");
  change(back);
  const session = open(back.href);
  await session.finish();
  return session;
}

describe("signing in", () => {
  it("returns the ID token for the verifier of the challenge", async () => {
    const session = await signIn();
    expect(session.error).toBe("");
    expect(session.token).toMatch(/^ey/);
    const query = new URL(visited[0] ?? "").searchParams;
    expect(Object.fromEntries(query)).toMatchObject({
      prompt: "login",
      response_type: "code",
      client_id: "page",
      redirect_uri: ROOT,
      scope: "openid",
      code_challenge_method: "S256",
    });
    expect(query.has("audience")).toBe(false);
    expect(issuer.forms[0]?.get("code_verifier")).toHaveLength(43);
  });

  it("returns the access token if an audience is configured", async () => {
    issuer.config["audience"] = "https://api.example";
    const session = await signIn();
    expect(session.token).toBe("for the API");
    expect(new URL(visited[0] ?? "").searchParams.get("audience")).toBe("https://api.example");
  });

  it("removes the code from the address bar before anything else", async () => {
    await signIn();
    expect(shown).toEqual([ROOT]);
  });

  it("stores neither the pending sign-in nor the refresh token", async () => {
    await signIn();
    expect([...stored.keys()]).toEqual(["onecopy-signed-in"]);
    expect([...stored.values()].join()).not.toContain("again");
  });

  it("is renewed while the page is open", async () => {
    const session = await signIn();
    expect(await session.renew()).toBe(true);
    expect(await session.renew()).toBe(true);
    expect(issuer.forms.map((form) => form.get("refresh_token"))).toEqual([null, "again", "again"]);
    expect(await open().renew()).toBe(false);
  });

  it("is awaited by requests that were sent before it finished", async () => {
    await open().begin();
    const session = open(issuer.accept(visited[0] ?? "").href);
    const finished = session.finish();
    expect(await session.renew()).toBe(true);
    expect(session.token).toMatch(/^ey/);
    await finished;
    expect(issuer.forms).toHaveLength(1);
  });

  it("ends on the page and at the issuer", async () => {
    const session = await signIn();
    await session.signOut();
    expect(session.token).toBeNull();
    expect(visited.at(-1)).toMatch(/\/logout\?client_id=page&post_logout_redirect_uri=https/);
    expect(await session.renew()).toBe(false);
  });
});

describe("nobody is signed in", () => {
  it("if the service has no issuer", async () => {
    issuer.config = {};
    const session = open();
    await session.discover();
    await session.begin();
    expect([session.isOffered, visited]).toEqual([false, []]);
  });

  it.each(["another", ""])("by an answer with a wrong state: %j", async (state) => {
    const session = await signIn((back) => back.searchParams.set("state", state));
    expect(session.token).toBeNull();
    expect(session.error).toContain("was not started by this page");
    expect(issuer.forms).toEqual([]);
  });

  it("by an answer without a pending sign-in, or the same answer twice", async () => {
    const back = `${ROOT}?code=c0de&state=stolen`;
    const session = open(back);
    await session.finish();
    expect(session.error).toContain("was not started by this page");
    await open().begin();
    const { search } = issuer.accept(visited.at(-1) ?? "");
    await open(ROOT + search).finish();
    stored.delete("onecopy-signed-in");
    const again = open(ROOT + search);
    await again.finish();
    expect(again.token).toBeNull();
  });

  it("by another issuer's answer", async () => {
    const session = await signIn((back) => back.searchParams.set("iss", "https://evil.example"));
    expect(session.error).toContain("from another issuer");
    expect(issuer.forms).toEqual([]);
  });

  it.each([
    ["another nonce", { nonce: "old" }],
    ["another client", { aud: ["other"] }],
    ["another issuer", { iss: "https://evil.example" }],
  ])("by a token for %s", async (_, wrong) => {
    issuer.wrong = wrong;
    const session = await signIn();
    expect(session.token).toBeNull();
    expect(session.error).toContain("is not for this sign-in");
  });

  it("by an issuer that reports another name", async () => {
    issuer.name = "https://evil.example";
    const session = open();
    await session.begin();
    expect(session.error).toContain("reports a different issuer");
    expect(visited).toEqual([]);
  });

  it("without TLS, except on this machine", async () => {
    issuer.config["issuer"] = "http://issuer.example";
    const session = open();
    await session.begin();
    expect(session.error).toContain("does not use https");
  });

  it("after the issuer refused, and its error is shown", async () => {
    const session = await signIn((back) => {
      back.searchParams.delete("code");
      back.searchParams.set("error", "access_denied");
    });
    expect(session.error).toMatch(/did not sign you in \(access_denied\)/);
  });

  it("while the issuer can't be reached, and that is shown", async () => {
    const session = open();
    await session.discover();
    issuer.close();
    await session.begin();
    expect(session.error).toMatch(/^The sign-in server 127\.0\.0\.1:\d+ can’t be reached\. /);
  });
});
