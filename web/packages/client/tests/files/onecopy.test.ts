import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Onecopy, type Options } from "../../src/files/onecopy.ts";
import type { Progress } from "../../src/files/options.ts";
import { InvalidKey } from "../../src/protocol/key.ts";
import { Paused } from "../../src/upload/paused.ts";
import { ROOT, Service } from "./service.ts";

const MIB = 1024 * 1024;
const HELLO = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

let service: Service;
let opened: Onecopy[] = [];

beforeEach(() => {
  service = new Service();
  service.install();
});

afterEach(() => {
  for (const onecopy of opened) onecopy.close();
  opened = [];
  vi.unstubAllGlobals();
});

function open(options: Options = {}): Onecopy {
  const onecopy = new Onecopy(ROOT, { storage: null, ...options });
  opened.push(onecopy);
  return onecopy;
}

function hello(name = "hello.txt"): File {
  return new File(["hello"], name);
}

/** Return a storage like the browser's. */
function memory() {
  const notes = new Map<string, string>();
  return {
    get length() {
      return notes.size;
    },
    key: (at: number) => [...notes.keys()][at] ?? null,
    getItem: (name: string) => notes.get(name) ?? null,
    setItem: (name: string, note: string) => void notes.set(name, note),
    removeItem: (name: string) => void notes.delete(name),
  };
}

describe("the URL of a service", () => {
  it("may be without its last slash, and without a query", async () => {
    for (const url of [ROOT.replace(/\/$/, ""), `${ROOT}?page=1#here`]) {
      const onecopy = new Onecopy(url, { storage: null });
      opened.push(onecopy);
      expect((await onecopy.config()).tenant).toBeTruthy();
    }
  });

  it("has no password, which no message shows", () => {
    for (const url of ["http://ada:hush@host/", "http://:hush@host", "http://hush@host"]) {
      expect(() => new Onecopy(url)).toThrow(/^a service's URL has no user or password$/);
    }
  });
});

describe("a check", () => {
  it("finds a content under another name", async () => {
    service.add(HELLO, "greetings/hello.txt", 5);
    const { verdict, copy } = await open().check(hello("other"));
    expect([verdict, copy?.key]).toEqual(["duplicate", "greetings/hello.txt"]);
  });

  it("does not read a file of an unknown size", async () => {
    const file = hello();
    file.stream = () => expect.unreachable();
    expect(await open().check(file)).toEqual({ verdict: "new" });
    expect(service.bodies("v1/check")).toEqual([]);
  });

  it("of many files needs few requests, and the configuration once", async () => {
    service.sizes.add(5);
    const onecopy = open();
    await Promise.all(Array.from({ length: 100 }, () => onecopy.check(hello())));
    expect(service.bodies("v1/config")).toHaveLength(1);
    expect(service.bodies("v1/probe").length).toBeLessThan(5);
    expect(service.bodies("v1/check").length).toBeLessThan(20);
  });

  it("throws the reason of its signal", async () => {
    const signal = AbortSignal.abort(new Error("not any more"));
    await expect(open().check(hello(), { signal })).rejects.toThrow("not any more");
  });
});

describe("an upload", () => {
  it("of a new file returns its copy, under the file's name or the given key", async () => {
    const onecopy = open();
    expect((await onecopy.upload(hello())).copy?.key).toBe("hello.txt");
    const other = new File(["other"], "b");
    expect((await onecopy.upload(other, { key: "a/b" })).copy?.key).toBe("a/b");
    expect(service.sent).toEqual(["0/1", "1/1"]);
  });

  it("of a stored file sends nothing, and is counted as avoided once", async () => {
    service.add(HELLO, "a", 5);
    const onecopy = open();
    expect((await onecopy.upload(hello())).verdict).toBe("duplicate");
    onecopy.close();
    await vi.waitFor(() => expect(service.bodies("v1/avoided")).toHaveLength(1));
    expect(service.bodies("v1/avoided")[0]).toEqual({ files: 1, bytes: 5, largest: 5 });
    expect(service.bodies("v1/uploads")).toEqual([]);
  });

  it("of a file under its own name is not counted as avoided", async () => {
    service.add(HELLO, "hello.txt", 5);
    const onecopy = open();
    await onecopy.upload(hello());
    onecopy.close();
    expect(service.bodies("v1/avoided")).toEqual([]);
  });

  it("sends equal files once", async () => {
    const onecopy = open();
    const answers = await Promise.all(["a", "b", "c"].map((name) => onecopy.upload(hello(name))));
    expect(answers.map(({ verdict }) => verdict)).toEqual(["new", "duplicate", "duplicate"]);
    expect(service.sent).toHaveLength(1);
  });

  it("sends a stored file anyway, if that is wanted", async () => {
    service.add(HELLO, "a", 5);
    await open().upload(hello(), { anyway: true });
    expect(service.bodies("v1/uploads")[0].files[0]).toMatchObject({ anyway: true });
  });

  it("does not read a file again that was checked", async () => {
    service.sizes.add(5);
    const onecopy = open();
    const file = hello();
    await onecopy.check(file);
    file.stream = () => expect.unreachable();
    expect((await onecopy.upload(file)).copy?.key).toBe("hello.txt");
  });

  it("reports its steps", async () => {
    const steps: Progress[] = [];
    service.sizes.add(5);
    await open().upload(hello(), { onProgress: (progress) => steps.push(progress) });
    const seen = [...new Set(steps.map(({ step }) => step))];
    expect(seen).toEqual(["hashing", "sending", "completing"]);
    expect(steps.at(-1)).toEqual({ step: "completing", bytes: 5 });
  });

  it("waits while somebody else uploads the same content", async () => {
    service.isUploading = true;
    const steps: string[] = [];
    const onProgress = ({ step }: Progress) => steps.push(step);
    expect((await open().upload(hello(), { onProgress })).copy?.key).toBe("hello.txt");
    expect(steps).toContain("waiting");
  });

  it("refuses a name that is no key", async () => {
    await expect(open().upload(hello(), { key: "a//b" })).rejects.toThrow(InvalidKey);
  });
});

describe("a quota", () => {
  const keys = (results: readonly { copy?: { key: string } | undefined }[]) =>
    results.map(({ copy }) => copy?.key);

  function files(count: number): File[] {
    return Array.from({ length: count }, (_, at) => new File([`content ${10 + at}`], `${at}`));
  }

  it("lets small files wait until others have ended", async () => {
    service.quota = 25;
    const onecopy = open();
    const results = await Promise.all(files(30).map((file) => onecopy.upload(file)));
    expect(keys(results)).toEqual(files(30).map(({ name }) => name));
  });

  it("lets large files wait, too", async () => {
    service.quota = 9 * MIB;
    const onecopy = open();
    const large = [1, 2, 3].map((at) => new File([new Uint8Array(9 * MIB - at)], `${at}`));
    const results = await Promise.all(large.map((file) => onecopy.upload(file)));
    expect(keys(results)).toEqual(["1", "2", "3"]);
  });

  it("refuses what does not fit alone, and asks no more often than may help", async () => {
    service.quota = 9;
    const onecopy = open();
    const selected = [hello(), ...files(20)];
    const results = await Promise.all(selected.map((file) => onecopy.upload(file)));
    const reasons = results.map(({ reason }) => reason);
    expect(reasons).toEqual([undefined, ...files(20).map(() => "quota-exceeded")]);
    expect(service.bodies("v1/uploads").length).toBeLessThan(6);
  });

  it("has room again once an upload was aborted", async () => {
    service.quota = 5;
    const control = new AbortController();
    service.onPart = () => control.abort(new Error("cancelled"));
    const onecopy = open();
    const aborted = onecopy.upload(hello(), { signal: control.signal });
    const waiting = onecopy.upload(new File(["other"], "b"));
    await expect(aborted).rejects.toThrow("cancelled");
    expect((await waiting).copy?.key).toBe("b");
  });

  it("does not keep a file that is cancelled", async () => {
    service.quota = 5;
    const control = new AbortController();
    service.onPart = () => control.abort(new Error("cancelled"));
    const onecopy = open();
    const first = onecopy.upload(hello());
    const waiting = onecopy.upload(new File(["other"], "b"), { signal: control.signal });
    await expect(waiting).rejects.toThrow("cancelled");
    expect((await first).copy?.key).toBe("hello.txt");
  });
});

describe("a paused upload", () => {
  it("is resumed by the next upload of the file, without the parts that were sent", async () => {
    const storage = memory();
    const file = new File([new Uint8Array(17 * MIB)], "large");
    const control = new AbortController();
    service.onPart = (number) => number === 2 && control.abort(new Paused());
    const paused = open({ storage }).upload(file, { signal: control.signal });
    await expect(paused).rejects.toThrow(Paused);
    service.onPart = () => undefined;
    const before = service.sent.length;
    expect((await open({ storage }).upload(file)).copy?.key).toBe("large");
    expect(service.bodies("v1/uploads")).toHaveLength(1);
    expect(service.bodies("v1/uploads/abort")).toEqual([]);
    expect(service.sent.length - before).toBeLessThan(3);
  });

  it("is aborted at the service if it was aborted for good", async () => {
    const file = new File([new Uint8Array(9 * MIB)], "large");
    const control = new AbortController();
    service.onPart = () => control.abort();
    await expect(open().upload(file, { signal: control.signal })).rejects.toThrow();
    await vi.waitFor(() => expect(service.bodies("v1/uploads/abort")).toHaveLength(1));
  });
});

describe("placing", () => {
  it("names the content, and sends nothing", async () => {
    service.add(HELLO, "a", 5);
    const answer = await open().place(hello(), { key: "album/a" });
    expect(answer).toMatchObject({ verdict: "duplicate", reason: "placed" });
    expect(answer.copy?.key).toBe("album/a");
    const files = [{ key: "album/a", size: 5, digest: HELLO }];
    expect(service.bodies("v1/place")).toEqual([{ files }]);
    expect(service.sent).toEqual([]);
  });
});

describe("a token", () => {
  it("is got by the function before the first request", async () => {
    const token = vi.fn(async () => "good");
    service.accepted = "good";
    const onecopy = open({ token });
    await Promise.all([onecopy.check(hello()), onecopy.check(hello())]);
    expect(token).toHaveBeenCalledTimes(1);
    expect(service.calls.every((call) => call.token === "good")).toBe(true);
  });

  it("is got again when it has expired, whatever the clock says", async () => {
    vi.useFakeTimers({ toFake: ["Date", "performance"] });
    service.accepted = "first";
    const onecopy = open({ token: () => service.accepted ?? "" });
    await onecopy.config();
    service.accepted = "second";
    vi.advanceTimersByTime(60_000);
    vi.setSystemTime(Date.now() - 3_600_000);
    expect((await onecopy.upload(hello())).copy?.key).toBe("hello.txt");
    vi.useRealTimers();
  });

  it("is sent to no service that does not answer this page, and the error says why", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    vi.stubGlobal("location", { origin: "https://app.test" });
    vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("Failed to fetch")));
    const failed = expect(open().check(hello())).rejects.toThrow(
      "no answer from copies.test for a page of https://app.test; check the network, and whether the " +
        "service allows this origin (onecopy serve --page-origin https://app.test)",
    );
    await vi.runAllTimersAsync();
    await failed;
    vi.useRealTimers();
  });

  it("that is refused again and again is an error", async () => {
    service.accepted = "other";
    const onecopy = open({ token: () => "wrong" });
    await expect(onecopy.check(hello())).rejects.toThrow("expired");
    expect(service.calls.length).toBeLessThan(5);
  });
});
