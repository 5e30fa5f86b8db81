import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Client } from "../../src/protocol/client.ts";
import { Problem, ServiceError, Unreachable } from "../../src/protocol/errors.ts";
import { backoff, type RetryPolicy } from "../../src/protocol/retry.ts";

interface Received {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

type Answer = (response: ServerResponse) => void;

/** The server's answers in order; the last one is repeated. */
let answers: Answer[] = [];
let requests: Received[] = [];
let root = "";

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  requests.push({ method: request.method, path: request.url, headers: request.headers, body });
  const answer = answers.length > 1 ? answers.shift() : answers[0];
  answer?.(response);
});

function json(value: unknown, status = 200, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, { "Content-Type": "application/json", ...headers });
    response.end(JSON.stringify(value));
  };
}

function problem(status: number, reason: string, headers: Record<string, string> = {}): Answer {
  return json({ title: "No", status, reason, detail: `because ${reason}` }, status, headers);
}

const CONFIG = { limits: {} };

const hangUp: Answer = (response) => response.destroy();

/** Return a policy of `attempts` attempts without a delay. */
function atOnce(attempts: number): RetryPolicy {
  return async (error, attempt) => {
    if (attempt >= attempts) throw error;
  };
}

beforeEach(async () => {
  [answers, requests] = [[], []];
  await new Promise<void>((listening) => {
    server.listen(0, "127.0.0.1", listening);
  });
  root = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((closed) => {
    server.close(closed);
  });
});

describe("a call", () => {
  it("sends JSON, and the token if there is one", async () => {
    answers = [json({ results: [{ verdict: "new" }] })];
    const client = new Client({ root, token: () => "onecopy_secret" });
    const files = [{ size: 1, digests: ["sha256:ab"] }];
    expect(await client.check(files)).toEqual([{ verdict: "new" }]);
    expect(requests[0]).toMatchObject({ method: "POST", path: "/v1/check" });
    expect(requests[0]?.headers).toMatchObject({
      authorization: "Bearer onecopy_secret",
      "content-type": "application/json",
    });
    expect(JSON.parse(requests[0]?.body ?? "")).toEqual({ files });
  });

  it("respects a root below the host's", async () => {
    answers = [json(CONFIG)];
    await new Client({ root: `${root}copies/` }).config();
    expect(requests[0]?.path).toBe("/copies/v1/config");
    expect(requests[0]?.headers.authorization).toBeUndefined();
  });

  it("probes each size once, and returns a result for each", async () => {
    answers = [json({ schemes: { "5": ["sha256"] } })];
    const client = new Client({ root });
    expect(await client.probe([5, 6, 5])).toEqual([["sha256"], [], ["sha256"]]);
    expect(JSON.parse(requests[0]?.body ?? "")).toEqual({ sizes: [5, 6] });
  });

  it.each([
    ["a b/c", "a%20b/c"],
    ["a//b", "a%2F%2Fb"],
    ["./x", ".%2Fx"],
    ["p/../x", "p%2F..%2Fx"],
    ["trail/", "trail%2F"],
    ["new\nline", "new%0Aline"],
  ])("asks for a link to exactly the key %j", async (key, path) => {
    answers = [json({ url: "https://store.example/x" })];
    const copy = { key, size: 1, stored_at: "", recorded_at: "" };
    await new Client({ root }).link(copy);
    expect(requests[0]?.path).toBe(`/v1/copies/${path}/link`);
  });

  it("places stored contents under other keys", async () => {
    const results = [{ verdict: "duplicate", reason: "placed" }];
    answers = [json({ results })];
    const files = [{ key: "b", size: 5, digest: "sha256:00" }];
    expect(await new Client({ root }).place(files)).toEqual(results);
    expect(requests[0]?.path).toBe("/v1/place");
    expect(JSON.parse(requests[0]?.body ?? "")).toEqual({ files });
  });

  it("reports what was avoided, with a key that retries repeat", async () => {
    answers = [hangUp, (response) => response.writeHead(204).end()];
    const report = { files: 2, bytes: 10, largest: 5 };
    await new Client({ root, retryPolicy: atOnce(2) }).countAvoided(report);
    expect(requests.map(({ path }) => path)).toEqual(["/v1/avoided", "/v1/avoided"]);
    expect(JSON.parse(requests[1]?.body ?? "")).toEqual(report);
    const [first, second] = requests.map(({ headers }) => headers["idempotency-key"]);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(second).toBe(first);
  });

  it("accepts an answer without a body", async () => {
    answers = [(response) => response.writeHead(204).end()];
    await expect(new Client({ root }).abort(["ticket"])).resolves.toBeUndefined();
  });
});

describe("failures", () => {
  it("are problems with the service's reason", async () => {
    answers = [problem(400, "ticket-expired")];
    const call = new Client({ root }).status("ticket");
    await expect(call).rejects.toMatchObject({
      status: 400,
      reason: "ticket-expired",
      message: "because ticket-expired",
    });
    expect(requests).toHaveLength(1);
  });

  it("of gateways are problems too", async () => {
    answers = [(response) => response.writeHead(413).end("<h1>too large</h1>")];
    const call = new Client({ root }).check([]);
    await expect(call).rejects.toMatchObject({ status: 413, reason: "http-413" });
    await expect(call).rejects.toThrow("status 413, probably of a proxy or gateway");
  });

  it.each(["null", "5", '"text"', "", '{"results": [1', "<h1>Sign in</h1>"])(
    "are Unreachable when the answer is %j",
    async (text) => {
      answers = [(response) => response.end(text)];
      const call = new Client({ root, retryPolicy: atOnce(2) }).check([]);
      await expect(call).rejects.toThrow(Unreachable);
      expect(requests).toHaveLength(2);
    },
  );

  it.each<[string, (client: Client) => Promise<unknown>]>([
    ["config", (client) => client.config()],
    ["probe", (client) => client.probe([5])],
    ["check", (client) => client.check([])],
    ["parts", (client) => client.parts("t", [])],
  ])("are named if an answer to %s is another service's", async (_, call) => {
    for (const document of [{}, []]) {
      answers = [json(document)];
      const failed = call(new Client({ root }));
      await expect(failed).rejects.toThrow(ServiceError);
      await expect(failed).rejects.toThrow("the answer is not one of onecopy");
    }
  });

  it("name a redirect, which is not followed", async () => {
    const redirect = (status: number): Answer => {
      return (response) => response.writeHead(status, { Location: `${root}login` }).end();
    };
    answers = [redirect(302), redirect(307)];
    const client = new Client({ root, token: () => "secret", retryPolicy: atOnce(2) });
    const call = client.check([]);
    await expect(call).rejects.toThrow(Unreachable);
    await expect(call).rejects.toThrow("redirects, perhaps to a sign-in");
    expect(requests.map(({ path }) => path)).toEqual(["/v1/check", "/v1/check"]);
  });
});

describe("a retry", () => {
  it("repeats a begin with the same idempotency key", async () => {
    answers = [hangUp, problem(503, "unavailable"), json({ results: [] })];
    await new Client({ root, retryPolicy: atOnce(5) }).begin([]);
    expect(requests).toHaveLength(3);
    const names = requests.map(({ headers }) => headers["idempotency-key"]);
    expect(new Set(names).size).toBe(1);
    expect(names[0]).toMatch(/^[0-9a-f]{32}$/);
  });

  it("waits as long as the service asks for", async () => {
    answers = [problem(429, "busy", { "Retry-After": "1" }), json(CONFIG)];
    const start = Date.now();
    await new Client({ root }).config();
    expect(Date.now() - start).toBeGreaterThanOrEqual(990);
  });

  it("is not made after the last attempt", async () => {
    answers = [problem(503, "unavailable", { "Retry-After": "0" })];
    const call = new Client({ root, retryPolicy: backoff(3) }).config();
    await expect(call).rejects.toMatchObject({ reason: "unavailable" });
    expect(requests).toHaveLength(3);
  });

  it("is not made if it would fail again", async () => {
    answers = [problem(502, "forbidden")];
    await expect(new Client({ root }).config()).rejects.toThrow(Problem);
    expect(requests).toHaveLength(1);
  });

  it("is cancelled by its signal during the delay", async () => {
    answers = [problem(503, "unavailable", { "Retry-After": "20" })];
    const control = new AbortController();
    const call = new Client({ root }).config(control.signal);
    setTimeout(() => control.abort(new Error("enough")), 50);
    await expect(call).rejects.toThrow("enough");
  });

  it("is cancelled by its signal during the request", async () => {
    answers = [() => undefined];
    const control = new AbortController();
    const call = new Client({ root }).config(control.signal);
    setTimeout(() => control.abort(new Error("enough")), 50);
    await expect(call).rejects.toThrow("enough");
  });
});

describe("URLs that the service returns", () => {
  const client = new Client({ root: "https://host/below/", token: () => "secret" });

  it("are relative to its root, or absolute", () => {
    expect(client.address("/v1/uploads/parts/1").href).toBe(
      "https://host/below/v1/uploads/parts/1",
    );
    expect(client.address("https://bucket/key?x=1").href).toBe("https://bucket/key?x=1");
  });

  it("get the token only if they are the service's own", () => {
    const send = { number: 1, method: "PUT", headers: { "x-own": "1" } };
    const headers = (url: string) => client.headers({ ...send, url });
    expect(headers("/v1/uploads/parts/1")).toEqual({
      Authorization: "Bearer secret",
      "x-own": "1",
    });
    expect(headers("https://bucket/key")).toEqual({ "x-own": "1" });
    expect(headers("https://host/other/key")).toEqual({ "x-own": "1" });
    expect(headers("https://host/below/bucket/key")).toEqual({ "x-own": "1" });
    expect(headers("//bucket/key")).toEqual({ "x-own": "1" });
  });
});
