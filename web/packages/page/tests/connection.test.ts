import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Problem } from "@onecopy/client";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Connection } from "../src/connection.ts";
import { emptyStorage, signedOut } from "./signed-out.ts";

/** Serve a bucket that denies all requests; by default on a free port. */
async function bucket(port = 0): Promise<{ address: string; port: number; close: () => void }> {
  const server = createServer((_, response) => {
    response.statusCode = 403;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const { port: own } = server.address() as AddressInfo;
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { address: `http://127.0.0.1:${own}/bucket/key`, port: own, close };
}

describe("a service behind a gateway", () => {
  const down = new Problem(502, "http-502", "the service answered with status 502");

  it("is waited for while the gateway answers in its place", async () => {
    const answers = [502, 502, 200];
    vi.stubGlobal("fetch", async () => new Response("", { status: answers.shift() ?? 200 }));
    const connection = new Connection("http://127.0.0.1:9/", emptyStorage, signedOut);
    const states: string[] = [];
    connection.subscribe(() => states.push(connection.state));
    await connection.retryPolicy(down, 99);
    expect(states).toEqual(["unreachable", "up"]);
  });

  it.each([502, 413])("is not waited for if it is there: status %i", async (status) => {
    vi.stubGlobal("fetch", async () => new Response("", { status: 200 }));
    const connection = new Connection("http://127.0.0.1:9/", emptyStorage, signedOut);
    const error = new Problem(status, `http-${status}`, "");
    await expect(connection.retryPolicy(error, 99)).rejects.toBe(error);
    expect(connection.state).toBe("up");
  });

  afterEach(() => void vi.unstubAllGlobals());
});

describe("a bucket", () => {
  it("is reachable if it answers at all", async () => {
    const { address, close } = await bucket();
    const connection = new Connection("http://127.0.0.1:9/", emptyStorage, signedOut);
    expect(await connection.wasUnreachable(address)).toBe(false);
    expect(connection.state).toBe("up");
    close();
  });

  it("is waited for when it is unreachable, which the state shows", async () => {
    const first = await bucket();
    first.close();
    const connection = new Connection("http://127.0.0.1:9/", emptyStorage, signedOut);
    const states: string[] = [];
    const down = new Promise<void>((resolve) => {
      connection.subscribe(() => {
        states.push(connection.state);
        resolve();
      });
    });
    const lost = connection.wasUnreachable(first.address);
    await down;
    const again = await bucket(first.port);
    expect(await lost).toBe(true);
    expect(states).toEqual(["store-unreachable", "up"]);
    again.close();
  });

  it("is not waited for by a request that is cancelled", async () => {
    const { address, close } = await bucket();
    close();
    const connection = new Connection("http://127.0.0.1:9/", emptyStorage, signedOut);
    const control = new AbortController();
    const lost = connection.wasUnreachable(address, control.signal);
    control.abort(new Error("stopped"));
    await expect(lost).rejects.toThrow("stopped");
  });
});
