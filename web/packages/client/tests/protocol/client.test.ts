import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Client } from "../../src/client/client.ts";
import { Problem, Unreachable } from "../../src/client/errors.ts";
import { delay, type Patience, patient } from "../../src/client/patience.ts";

interface Asked {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

type Answer = (response: ServerResponse) => void;

/** What the server answers, one after the other; the last one again and again. */
let answers: Answer[] = [];
let asked: Asked[] = [];
let root = "";

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  asked.push({ method: request.method, path: request.url, headers: request.headers, body });
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

const hangUp: Answer = (response) => response.destroy();

/** Tries again at once, so often. */
function eager(attempts: number): Patience {
  return async (error, attempt) => {
    if (attempt >= attempts) throw error;
  };
}

beforeEach(async () => {
  [answers, asked] = [[], []];
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
    expect(asked[0]).toMatchObject({ method: "POST", path: "/v1/check" });
    expect(asked[0]?.headers).toMatchObject({
      authorization: "Bearer onecopy_secret",
      "content-type": "application/json",
    });
    expect(JSON.parse(asked[0]?.body ?? "")).toEqual({ files });
  });

  it("keeps to a root below the host's", async () => {
    answers = [json({})];
    await new Client({ root: `${root}copies/` }).config();
    expect(asked[0]?.path).toBe("/copies/v1/config");
    expect(asked[0]?.headers.authorization).toBeUndefined();
  });

  it("asks for each size once, and answers for each", async () => {
    answers = [json({ schemes: { "5": ["sha256"] } })];
    const client = new Client({ root });
    expect(await client.probe([5, 6, 5])).toEqual([["sha256"], [], ["sha256"]]);
    expect(JSON.parse(asked[0]?.body ?? "")).toEqual({ sizes: [5, 6] });
  });

  it("takes an answer without a body", async () => {
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
    expect(asked).toHaveLength(1);
  });

  it("of gateways are problems too", async () => {
    answers = [(response) => response.writeHead(413).end("<h1>too large</h1>")];
    const call = new Client({ root }).check([]);
    await expect(call).rejects.toMatchObject({ status: 413, reason: "http-413" });
  });

  it("without an answer are told apart", async () => {
    answers = [hangUp];
    const call = new Client({ root, patience: eager(2) }).config();
    await expect(call).rejects.toThrow(Unreachable);
    expect(asked).toHaveLength(2);
  });

  it("are unreachability when something else answers", async () => {
    answers = [(response) => response.end("<h1>Welcome to the hotel's network</h1>")];
    await expect(new Client({ root, patience: eager(1) }).config()).rejects.toThrow(Unreachable);
  });
});

describe("trying again", () => {
  it("repeats a begin under the same idempotency key", async () => {
    answers = [hangUp, problem(503, "unavailable"), json({ results: [] })];
    await new Client({ root, patience: eager(5) }).begin([]);
    expect(asked).toHaveLength(3);
    const names = asked.map(({ headers }) => headers["idempotency-key"]);
    expect(new Set(names).size).toBe(1);
    expect(names[0]).toMatch(/^[0-9a-f]{32}$/);
  });

  it("waits as long as the service says", async () => {
    answers = [problem(429, "busy", { "Retry-After": "1" }), json({})];
    const begun = Date.now();
    await new Client({ root }).config();
    expect(Date.now() - begun).toBeGreaterThanOrEqual(990);
  });

  it("ends after so many attempts", async () => {
    answers = [problem(503, "unavailable", { "Retry-After": "0" })];
    const call = new Client({ root, patience: patient(3) }).config();
    await expect(call).rejects.toMatchObject({ reason: "unavailable" });
    expect(asked).toHaveLength(3);
  });

  it("never repeats what can't pass", async () => {
    answers = [problem(502, "forbidden")];
    await expect(new Client({ root }).config()).rejects.toThrow(Problem);
    expect(asked).toHaveLength(1);
  });

  it("is ended by its signal while it waits", async () => {
    answers = [problem(503, "unavailable", { "Retry-After": "20" })];
    const control = new AbortController();
    const call = new Client({ root }).config(control.signal);
    setTimeout(() => control.abort(new Error("enough")), 50);
    await expect(call).rejects.toThrow("enough");
  });

  it("is ended by its signal while it asks", async () => {
    answers = [() => undefined];
    const control = new AbortController();
    const call = new Client({ root }).config(control.signal);
    setTimeout(() => control.abort(new Error("enough")), 50);
    await expect(call).rejects.toThrow("enough");
  });
});

describe("the wait", () => {
  it("is drawn from a range that doubles, up to half a minute", () => {
    for (const attempt of [1, 5, 50]) {
      expect(delay(null, attempt)).toBeLessThanOrEqual(Math.min(30_000, 250 * 2 ** attempt));
    }
  });

  it("takes a date as well", () => {
    const error = new Problem(503, "unavailable", "", 5_000);
    expect(delay(error, 1)).toBeGreaterThanOrEqual(5_000);
  });
});

describe("addresses that the service gives", () => {
  const client = new Client({ root: "https://host/below/", token: () => "secret" });

  it("are relative to its root, or absolute", () => {
    expect(client.address("/v1/uploads/parts/1").href).toBe(
      "https://host/below/v1/uploads/parts/1",
    );
    expect(client.address("https://bucket/key?x=1").href).toBe("https://bucket/key?x=1");
  });

  it("get the token only if they are its own", () => {
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
