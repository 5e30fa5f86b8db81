import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FileUnreadable } from "../../src/digest/read.ts";
import { Client } from "../../src/protocol/client.ts";
import { Problem } from "../../src/protocol/errors.ts";
import { backoff } from "../../src/protocol/retry.ts";
import { type SmallFile, SmallFiles } from "../../src/upload/small-files.ts";

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** The requests that were sent, as text, and what answers them; null is a lost connection. */
const requests: string[] = [];
let answer: (body: string) => Answer | null;

/** An XMLHttpRequest that is answered by `answer`. */
class FakeRequest {
  upload: { onprogress?: (event: { loaded: number }) => void } = {};
  onload = () => undefined;
  onerror = () => undefined;
  onloadend = () => undefined;
  status = 0;
  responseText = "";
  open() {}
  setRequestHeader() {}
  getResponseHeader() {
    return null;
  }
  async send(body: Blob) {
    let text: string;
    try {
      text = await body.text();
    } catch {
      return this.onerror();
    }
    requests.push(text);
    this.upload.onprogress?.({ loaded: body.size });
    const found = answer(text);
    if (found === null) this.onerror();
    else {
      this.status = found.status;
      this.responseText = found.body;
      this.onload();
    }
    this.onloadend();
  }
}

/** Answer each file with its ticket as the reason. */
function echo(body: string): Answer {
  const { files } = JSON.parse(body.slice(0, body.indexOf("\n"))) as {
    files: { ticket: string }[];
  };
  const results = files.map(({ ticket }) => ({ verdict: "new", reason: ticket }));
  return { status: 200, body: JSON.stringify({ results }) };
}

beforeEach(() => {
  requests.length = 0;
  answer = echo;
  vi.stubGlobal("XMLHttpRequest", FakeRequest);
});

afterEach(() => {
  vi.unstubAllGlobals();
});

function sender(): SmallFiles {
  const client = new Client({ root: "https://copies.example.org/" });
  return new SmallFiles(client, {
    retryPolicy: backoff(2),
    wasUnreachable: async () => false,
  });
}

function small(ticket: string, content: string | Blob, more: Partial<SmallFile> = {}): SmallFile {
  return {
    ticket,
    file: typeof content === "string" ? new Blob([content]) : content,
    signal: new AbortController().signal,
    onSent: () => undefined,
    onCompleting: () => undefined,
    ...more,
  };
}

/** A file that has changed since it was chosen. */
class Changed extends Blob {
  override slice(): Blob {
    return this;
  }
  override arrayBuffer(): Promise<ArrayBuffer> {
    return Promise.reject(new DOMException("changed", "NotReadableError"));
  }
}

describe("small files", () => {
  it("travel together, each with a result of its own", async () => {
    const files = sender();
    const results = await Promise.all([
      files.send(small("first", "1")),
      files.send(small("second", "22")),
      files.send(small("empty", "")),
    ]);
    expect(results.map(({ reason }) => reason)).toEqual(["first", "second", "empty"]);
    const list = [
      { ticket: "first", size: 1 },
      { ticket: "second", size: 2 },
      { ticket: "empty", size: 0 },
    ];
    expect(requests).toEqual([`${JSON.stringify({ files: list })}\n122`]);
  });

  it("are at most a hundred in one request", async () => {
    const files = sender();
    const all = Array.from({ length: 150 }, (_, at) => files.send(small(`${at}`, "x")));
    expect(await Promise.all(all)).toHaveLength(150);
    expect(requests).toHaveLength(2);
  });

  it("report their progress, and when they can't be cancelled any more", async () => {
    const calls: unknown[] = [];
    const onSent = (bytes: number) => calls.push(bytes);
    const onCompleting = () => calls.push("completing");
    await sender().send(small("a", "abc", { onSent, onCompleting }));
    expect(calls).toEqual([0, "completing", 3]);
  });

  it("are not sent if they were cancelled before", async () => {
    const files = sender();
    const control = new AbortController();
    const cancelled = files.send(small("a", "1", { signal: control.signal }));
    const other = files.send(small("b", "22"));
    control.abort(new Error("cancelled"));
    await expect(cancelled).rejects.toThrow("cancelled");
    expect((await other).reason).toBe("b");
    expect(requests.join()).not.toContain('"a"');
  });

  it("are sent again after a lost connection", async () => {
    let attempts = 0;
    answer = (body) => (++attempts === 1 ? null : echo(body));
    expect((await sender().send(small("a", "1"))).reason).toBe("a");
    expect(requests).toHaveLength(2);
  });

  it("that have changed fail alone", async () => {
    class Joined extends Blob {
      constructor(parts: BlobPart[]) {
        super(parts);
        if (parts.some((part) => part instanceof Changed)) {
          this.text = () => Promise.reject(new Error("changed"));
        }
      }
    }
    const changed = sender();
    vi.stubGlobal("Blob", Joined);
    const bad = changed.send(small("a", new Changed(["1"])));
    const good = changed.send(small("b", "22"));
    await expect(bad).rejects.toThrow(FileUnreadable);
    expect((await good).reason).toBe("b");
    expect(requests).toHaveLength(1);
  });

  it("are sent one by one if the service refuses them together", async () => {
    answer = (body) => {
      const bad = { reason: "bad-input", detail: "no" };
      return body.includes("bad") ? { status: 400, body: JSON.stringify(bad) } : echo(body);
    };
    const files = sender();
    const all = await Promise.allSettled([
      files.send(small("bad", "1")),
      files.send(small("good", "22")),
    ]);
    expect(all.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    expect(all[0]).toMatchObject({ reason: expect.any(Problem) });
  });
});
