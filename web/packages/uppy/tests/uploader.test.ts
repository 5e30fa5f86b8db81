// @vitest-environment happy-dom
import { type Answer, Paused } from "@onecopy/client";
import Uppy from "@uppy/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Client } from "../src/options.ts";
import { OnecopyUploader } from "../src/uploader.ts";

const copy = { key: "stored/rome.jpg", size: 4, stored_at: "", recorded_at: "" };
const DUPLICATE: Answer = { verdict: "duplicate", copy };

let uppy: Uppy;

/** Return a client to which files named `rome.jpg` are stored already, and its methods as mocks. */
function fakeClient() {
  const judge = async (file: Blob): Promise<Answer> =>
    (file as File).name === "rome.jpg" ? DUPLICATE : { verdict: "new" };
  const upload = async (file: Blob, options: Parameters<Client["upload"]>[1]): Promise<Answer> => {
    const judged = await judge(file);
    const key = options?.key ?? "";
    return judged.verdict === "new" ? { verdict: "new", copy: { ...copy, key } } : judged;
  };
  return {
    check: vi.fn(judge),
    upload: vi.fn(upload),
    link: vi.fn(async (key: string) => `https://copies.test/${key}`),
    close: vi.fn(),
  };
}

function use(client: Client, options: object = {}): void {
  const logger = { debug: vi.fn(), warn: vi.fn(), error: vi.fn() };
  uppy = new Uppy({ logger }).use(OnecopyUploader, { client, ...options });
}

function add(...names: string[]): void {
  uppy.addFiles(names.map((name) => ({ name, data: new File(["rome"], name) })));
}

function named(name: string) {
  const file = uppy.getFiles().find((found) => found.name === name);
  if (file === undefined) throw new Error(`no file ${name}`);
  return file;
}

afterEach(() => uppy.destroy());

describe("files that are added", () => {
  it("are checked at once, and duplicates are marked with a link to the copy", async () => {
    use(fakeClient());
    add("rome.jpg", "oslo.jpg");
    await vi.waitFor(() => expect(named("rome.jpg").uploadURL).toBeDefined());
    const url = "https://copies.test/stored/rome.jpg";
    expect(named("rome.jpg")).toMatchObject({
      uploadURL: url,
      meta: { author: { name: "Duplicate\u00a0", url } },
    });
    expect(named("oslo.jpg").uploadURL).toBeUndefined();
    expect(uppy.getState().info[0]?.message).toContain("1 file is already stored");
  });

  it("change Uppy's state a few times, however many they are", async () => {
    use(fakeClient(), { link: () => "https://link.test/" });
    const checked = vi.fn();
    const changed = vi.fn();
    uppy.on("onecopy-checked", checked);
    add(...Array.from({ length: 300 }, (_, at) => `${at}.jpg`), "rome.jpg");
    uppy.on("state-update", changed);
    await vi.waitFor(() => expect(checked).toHaveBeenCalled());
    expect(checked.mock.calls.flatMap(([answers]) => [...answers])).toHaveLength(301);
    expect(changed.mock.calls.length).toBeLessThan(10);
  });

  it("need no link if the token may not read", async () => {
    const client = fakeClient();
    client.link.mockRejectedValue(new Error("not allowed"));
    use(client);
    add("rome.jpg");
    await vi.waitFor(() => expect(named("rome.jpg").meta).toHaveProperty("author"));
    expect(named("rome.jpg").uploadURL).toBeUndefined();
  });

  it("and removed are not checked to the end", async () => {
    const client = fakeClient();
    let signal: AbortSignal | undefined;
    client.check.mockImplementation((...[, options]: Parameters<Client["check"]>) => {
      signal = options?.signal;
      return new Promise(() => undefined);
    });
    use(client);
    add("rome.jpg");
    uppy.removeFile(named("rome.jpg").id);
    expect(signal?.aborted).toBe(true);
  });
});

describe("an upload", () => {
  it("waits for the checks, sends what is new, and tells which is which", async () => {
    const client = fakeClient();
    use(client, { link: ({ key }: { key: string }) => `https://link.test/${key}` });
    add("rome.jpg", "oslo.jpg");
    const result = await uppy.upload();
    expect(result?.failed).toEqual([]);
    expect(named("rome.jpg").response?.body).toMatchObject({ verdict: "duplicate" });
    expect(named("rome.jpg").uploadURL).toBe("https://link.test/stored/rome.jpg");
    expect(named("oslo.jpg").response?.body).toMatchObject({ verdict: "new" });
    expect(named("oslo.jpg").uploadURL).toBe("https://link.test/oslo.jpg");
    expect(named("oslo.jpg").progress).toMatchObject({ uploadComplete: true, percentage: 100 });
    expect(named("oslo.jpg").progress.preprocess).toBeUndefined();
  });

  it("of a file without a link succeeds", async () => {
    const link = async () => Promise.reject(new Error("no link"));
    use(fakeClient(), { link });
    add("rome.jpg", "oslo.jpg");
    expect((await uppy.upload())?.successful).toHaveLength(2);
  });

  it("of a dropped folder keeps its folders, unless keys are named otherwise", async () => {
    const client = fakeClient();
    use(client);
    const data = new File(["a"], "a.jpg");
    uppy.addFile({ name: "a.jpg", data, meta: { relativePath: "trip/day 1/a.jpg" } });
    await uppy.upload();
    expect(client.upload.mock.calls[0]?.[1]?.key).toBe("trip/day 1/a.jpg");
    uppy.getPlugin("Onecopy")?.setOptions({ key: () => "inbox/b.jpg" });
    add("b.jpg");
    await uppy.upload();
    expect(client.upload.mock.calls[1]?.[1]?.key).toBe("inbox/b.jpg");
  });

  it.each<[string, Partial<Answer>, string]>([
    ["the message", { reason: "key-taken", message: "the key is taken" }, "the key is taken"],
    ["the reason", { reason: "key-taken" }, "key-taken"],
  ])("that stored nothing fails with %s, and can be retried", async (_, answer, text) => {
    const client = fakeClient();
    client.upload.mockResolvedValueOnce({ verdict: "new", ...answer });
    use(client);
    add("oslo.jpg");
    expect((await uppy.upload())?.failed).toHaveLength(1);
    expect(named("oslo.jpg").error).toContain(text);
    expect((await uppy.retryAll())?.successful).toHaveLength(1);
  });

  it("can be paused and resumed", async () => {
    const client = fakeClient();
    let reason: unknown;
    client.upload.mockImplementationOnce((...[, options]: Parameters<Client["upload"]>) => {
      const { signal } = options ?? {};
      return new Promise((_, reject) => {
        signal?.addEventListener("abort", () => {
          reason = signal.reason;
          reject(reason);
        });
      });
    });
    use(client);
    add("oslo.jpg");
    const uploaded = uppy.upload();
    await vi.waitFor(() => expect(client.upload).toHaveBeenCalled());
    uppy.pauseResume(named("oslo.jpg").id);
    await vi.waitFor(() => expect(reason).toBeInstanceOf(Paused));
    uppy.resumeAll();
    expect((await uploaded)?.successful).toHaveLength(1);
    expect(client.upload).toHaveBeenCalledTimes(2);
  });

  it.each(["running", "paused"])("ends when its %s file is removed", async (state) => {
    const client = fakeClient();
    client.upload.mockImplementation(
      (...[, options]: Parameters<Client["upload"]>) =>
        new Promise((_, reject) => {
          options?.signal?.addEventListener("abort", () => reject(options.signal?.reason));
        }),
    );
    use(client);
    add("oslo.jpg");
    const { id } = named("oslo.jpg");
    const uploaded = uppy.upload();
    await vi.waitFor(() => expect(client.upload).toHaveBeenCalled());
    if (state === "paused") uppy.pauseResume(id);
    await Promise.resolve();
    uppy.removeFile(id);
    await uploaded;
    expect(uppy.getFiles()).toEqual([]);
  });
});

describe("the options", () => {
  it("must name the service", () => {
    expect(() => new Uppy().use(OnecopyUploader, {})).toThrow("set the option url");
  });
});
