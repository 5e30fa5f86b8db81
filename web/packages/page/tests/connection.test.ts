import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
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
