import type { Client, Hasher, Network, Place, Result, Unfinished } from "@onecopy/client";
import { describe, expect, it, vi } from "vitest";
import type { Choice } from "../../src/upload/choice.ts";
import type { DigestCache } from "../../src/upload/digest-cache.ts";
import { type Item, Selection } from "../../src/upload/selection.ts";
import { Uploader } from "../../src/upload/uploader.ts";

const COPY = { key: "old", size: 3, stored_at: "", recorded_at: "" };
const DUPLICATE: Result = { verdict: "duplicate", copy: COPY };
const PLACED: Result = { verdict: "duplicate", reason: "placed", copy: { ...COPY, key: "in/b" } };

interface Answers {
  readonly check?: Result;
  readonly place?: readonly Result[];
  readonly kept?: readonly string[];
  readonly choice?: Choice;
  readonly folder?: string;
}

/** Choose a file, with a service that knows a content of its size and gives these answers. */
function choose({ check = DUPLICATE, place = [], kept, choice, folder }: Answers) {
  const answers = [...place];
  const client = {
    countAvoided: vi.fn(async () => undefined),
    probe: async (sizes: readonly number[]) => sizes.map(() => ["sha256"]),
    check: vi.fn(async (files: readonly unknown[]) => files.map(() => check)),
    place: vi.fn(async (_: readonly Place[]) => [answers.shift() as Result]),
    begin: vi.fn(async (files: readonly unknown[]) => files.map(() => DUPLICATE)),
  };
  const hash = { digests: ["sha256:00"], content: "sha256:00", parts: [], md5: null };
  const digests = vi.fn(async () => hash);
  const cache = {
    find: async () => kept ?? null,
    keep: vi.fn(),
    save: vi.fn(async () => undefined),
  };
  const selection = new Selection();
  const uploader = new Uploader({
    client: client as unknown as Client,
    hasher: { digests } as unknown as Hasher,
    network: {} as Network,
    selection,
    unfinished: { find: () => null, drop: () => undefined } as unknown as Unfinished,
    cache: cache as unknown as DigestCache,
  });
  uploader.canPlace = true;
  uploader.choice = choice ?? null;
  uploader.folder = folder ?? "";
  uploader.add([{ path: ["in", "b"], file: new File(["abc"], "b") }]);
  return { client, digests, cache, uploader, item: selection.items[0] as Item };
}

describe("a digest from an earlier reading", () => {
  it("finds a duplicate without reading the file", async () => {
    const { item, digests, client } = choose({ kept: ["sha256:aa"] });
    await vi.waitFor(() => expect(item.state).toBe("duplicate"));
    expect(item.remembered).toBe(true);
    expect(digests).not.toHaveBeenCalled();
    expect(client.check).toHaveBeenCalledWith([{ size: 3, digests: ["sha256:aa"] }]);
  });

  it.each<Result>([{ verdict: "new" }, { verdict: "unconfirmed", reason: "store-unavailable" }])(
    "decides nothing else: after %o the file is read",
    async (check) => {
      const { digests, cache, client } = choose({ kept: ["sha256:aa"], check });
      await vi.waitFor(() => expect(client.check).toHaveBeenCalledTimes(2));
      expect(digests).toHaveBeenCalled();
      expect(cache.keep).toHaveBeenCalledWith("in/b", expect.anything(), ["sha256:00"]);
    },
  );

  it("is never placed: the file is read first", async () => {
    const { item, digests, client, uploader } = choose({ kept: ["sha256:aa"], place: [PLACED] });
    await vi.waitFor(() => expect(item.state).toBe("duplicate"));
    uploader.place(item);
    await vi.waitFor(() => expect(item.state).toBe("placed"));
    expect(digests).toHaveBeenCalledTimes(1);
    expect(client.place.mock.calls[0]?.[0][0]?.digest).toBe("sha256:00");
  });
});

describe("adding a known content under another name", () => {
  it("is done by the store, which may take a while", async () => {
    const placing: Result = { verdict: "unconfirmed", reason: "placing", bytes_read: 2 };
    const { item, uploader, client } = choose({ place: [placing, PLACED], folder: "to" });
    await vi.waitFor(() => expect(item.state).toBe("duplicate"));
    uploader.place(item);
    await vi.waitFor(() => expect([item.state, item.done]).toEqual(["placing", 2]));
    await vi.waitFor(() => expect(item.state).toBe("placed"));
    const request = { key: "to/in/b", size: 3, digest: "sha256:00" };
    expect(client.place.mock.calls).toEqual([[[request]], [[request]]]);
  });

  it.each<[Result, string]>([
    [{ verdict: "duplicate", reason: "already-there", copy: COPY }, "placed"],
    [{ verdict: "new", reason: "key-taken" }, "taken"],
    [{ verdict: "unconfirmed", reason: "place-unsupported" }, "unconfirmed"],
    [{ verdict: "unconfirmed", reason: "quota-exceeded", message: "no room" }, "failed"],
  ])("ends with %o as %s", async (place, state) => {
    const { item, uploader } = choose({ place: [place] });
    await vi.waitFor(() => expect(item.state).toBe("duplicate"));
    uploader.place(item);
    await vi.waitFor(() => expect(item.state).toBe(state));
  });

  it("becomes an upload if the content is no longer stored", async () => {
    const { item, uploader, client } = choose({ place: [{ verdict: "new" }] });
    await vi.waitFor(() => expect(item.state).toBe("duplicate"));
    uploader.place(item);
    await vi.waitFor(() => expect(client.begin).toHaveBeenCalled());
  });
});

describe("a choice that is kept", () => {
  it("adds what is stored elsewhere, and reports no upload as avoided that was placed", async () => {
    const { item, client, uploader } = choose({ choice: "place", place: [PLACED] });
    await vi.waitFor(() => expect(item.state).toBe("placed"));
    await vi.waitFor(() => expect(uploader.isBusy).toBe(false));
    expect(client.countAvoided).not.toHaveBeenCalled();
  });

  it("skips: nothing more is asked, and the file stays one that is stored", async () => {
    const { item } = choose({ choice: "skip" });
    await vi.waitFor(() => expect(item.decided).toBe(true));
    expect(item.state).toBe("duplicate");
  });

  it("is applied once, so that a failure does not repeat", async () => {
    const { client, uploader } = choose({ choice: "place", place: [{ verdict: "new" }] });
    await vi.waitFor(() => expect(client.begin).toHaveBeenCalled());
    await vi.waitFor(() => expect(uploader.isBusy).toBe(false));
    expect(client.place).toHaveBeenCalledTimes(1);
  });

  it("leaves alone what is stored under its own name", async () => {
    const check = { verdict: "duplicate", copy: { ...COPY, key: "in/b" } } as const;
    const { item, client, uploader } = choose({ choice: "place", check });
    await vi.waitFor(() => expect(item.state).toBe("duplicate"));
    await vi.waitFor(() => expect(uploader.isBusy).toBe(false));
    expect(client.place).not.toHaveBeenCalled();
  });
});
