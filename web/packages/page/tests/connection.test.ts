import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { Connection } from "../../src/upload/connection.ts";
import { nobody, nothing } from "./nobody.ts";

/** Serve a bucket that refuses everybody; without a port, on a free one. */
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
  it("is there if it answers anything", async () => {
    const { address, close } = await bucket();
    const connection = new Connection("http://127.0.0.1:9/", nothing, nobody);
    expect(await connection.wasLost(address)).toBe(false);
    expect(connection.state).toBe("up");
    close();
  });

  it("is waited for when it is away, and that is said", async () => {
    const first = await bucket();
    first.close();
    const connection = new Connection("http://127.0.0.1:9/", nothing, nobody);
    const states: string[] = [];
    const away = new Promise<void>((resolve) => {
      connection.watch(() => {
        states.push(connection.state);
        resolve();
      });
    });
    const lost = connection.wasLost(first.address);
    await away;
    const again = await bucket(first.port);
    expect(await lost).toBe(true);
    expect(states).toEqual(["store-unreachable", "up"]);
    again.close();
  });

  it("is not waited for by whoever is stopped", async () => {
    const { address, close } = await bucket();
    close();
    const connection = new Connection("http://127.0.0.1:9/", nothing, nobody);
    const control = new AbortController();
    const lost = connection.wasLost(address, control.signal);
    control.abort(new Error("stopped"));
    await expect(lost).rejects.toThrow("stopped");
  });
});
