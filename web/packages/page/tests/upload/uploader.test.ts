import type {
  Avoided,
  Client,
  Content,
  Hasher,
  Network,
  Result,
  Unfinished,
} from "@onecopy/client";
import { describe, expect, it, vi } from "vitest";
import { Selection } from "../../src/upload/selection.ts";
import { Uploader } from "../../src/upload/uploader.ts";

const NEEDED: Result = { verdict: "unconfirmed", reason: "digest-needed", message: "compute md5" };
const DUPLICATE: Result = {
  verdict: "duplicate",
  copy: { key: "a", size: 3, stored_at: "", recorded_at: "" },
};

/** Return an uploader whose service refuses to begin an upload for this reason. */
function refusing(reason: string) {
  const client = {
    probe: async (sizes: readonly number[]) => sizes.map(() => []),
    begin: async (files: readonly unknown[]) =>
      files.map(() => ({ verdict: "unconfirmed", reason, message: "no room for 3 bytes" })),
  };
  const digests = async () => ({ digests: [], content: "sha256:00", parts: [], md5: null });
  const selection = new Selection();
  const uploader = new Uploader({
    client: client as unknown as Client,
    hasher: { digests } as unknown as Hasher,
    network: {} as Network,
    selection,
    unfinished: { find: () => null } as unknown as Unfinished,
  });
  uploader.add([{ path: ["b"], file: new File(["abc"], "b") }]);
  return selection.items[0];
}

describe("an upload that is not begun", () => {
  it.each([
    ["quota-exceeded", "failed"],
    ["store-full", "failed"],
    ["index-unavailable", "unconfirmed"],
  ])("for the reason %s is %s", async (reason, state) => {
    const item = refusing(reason);
    await vi.waitFor(() => expect(item?.state).toBe(state));
    expect(item?.message).toBe("no room for 3 bytes");
  });
});

/** Return an uploader that checks only, with a service that probes and checks give in turn. */
function checking(
  probes: readonly string[][],
  results: readonly Result[],
  checkOnly = true,
  more: Partial<Client> | { begin: unknown } = {},
) {
  const client = {
    ...more,
    countAvoided: vi.fn(async (_: Avoided) => undefined),
    probe: vi.fn(async (sizes: readonly number[]) => sizes.map(() => probes[nextProbe++] ?? [])),
    check: vi.fn(async (files: readonly Content[]) => files.map(() => results[nextResult++])),
  };
  let [nextProbe, nextResult] = [0, 0];
  const digests = async (_file: Blob, schemes: readonly { algorithm: string }[]) => {
    const names = ["sha256", ...schemes.map(({ algorithm }) => algorithm)];
    const all = names.map((name) => `${name}:00`);
    return { digests: all, content: "sha256:00", parts: [], md5: null };
  };
  const selection = new Selection();
  const uploader = new Uploader({
    client: client as unknown as Client,
    hasher: { digests } as unknown as Hasher,
    network: {} as Network,
    selection,
    unfinished: { find: () => null, drop: () => undefined } as unknown as Unfinished,
  });
  uploader.checkOnly = checkOnly;
  uploader.add([{ path: ["b"], file: new File(["abc"], "b") }]);
  return { client, item: selection.items[0], items: selection.items, uploader };
}

describe("a check that turns out to need other digests", () => {
  it("is made again with those that are known since", async () => {
    const { client, item } = checking(
      [["sha256"], ["sha256", "md5"]],
      [NEEDED, { verdict: "new", unexamined: 2 }],
    );
    await vi.waitFor(() => expect(item?.state).toBe("new"));
    expect(item?.unexamined).toBe(2);
    expect(client.check.mock.calls.map(([files]) => files[0]?.digests)).toEqual([
      ["sha256:00"],
      ["sha256:00", "md5:00"],
    ]);
    expect(item?.digests?.digests).toEqual(["sha256:00", "md5:00"]);
  });

  it("is not made again if no others are known", async () => {
    const { client, item } = checking([["sha256"], ["sha256"]], [NEEDED, DUPLICATE]);
    await vi.waitFor(() => expect(item?.state).toBe("unconfirmed"));
    expect(item?.reason).toBe("digest-needed");
    expect(client.check).toHaveBeenCalledTimes(1);
  });

  it("is made twice at most", async () => {
    const probes = [["sha256"], ["sha256", "md5"], ["sha256", "md5", "crc64nvme"]];
    const { client, item } = checking(probes, [NEEDED, NEEDED, DUPLICATE]);
    await vi.waitFor(() => expect(item?.state).toBe("unconfirmed"));
    expect(client.check).toHaveBeenCalledTimes(2);
  });
});

describe("a file whose content somebody else uploads", () => {
  it("is shown as waiting, and is a duplicate when that upload has ended", async () => {
    const results: Result[] = [{ verdict: "unconfirmed", reason: "uploading" }, DUPLICATE];
    const begin = vi.fn(async (_: readonly unknown[]) => results.splice(0, 1));
    const { item, uploader, client } = checking([[]], [], false, { begin });
    await vi.waitFor(() => expect(item?.reason).toBe("uploading"));
    expect(item?.state).toBe("checking");
    await vi.waitFor(() => expect(item?.state).toBe("duplicate"));
    expect(begin).toHaveBeenCalledTimes(2);
    await vi.waitFor(() => expect(uploader.isBusy).toBe(false));
    expect(client.countAvoided.mock.calls).toEqual([[{ files: 1, bytes: 3, largest: 3 }]]);
  });

  it("can be skipped while it waits", async () => {
    const begin = async () => [{ verdict: "unconfirmed", reason: "uploading" }];
    const { item, uploader } = checking([[]], [], false, { begin });
    await vi.waitFor(() => expect(item?.reason).toBe("uploading"));
    if (item !== undefined) uploader.skip(item);
    await vi.waitFor(() => expect(item?.state).toBe("skipped"));
  });
});

describe("cancelling all files", () => {
  it("begins none of those that wait for an equal one, until they are tried again", async () => {
    const sent: (() => void)[] = [];
    const begin = vi.fn(async (files: readonly unknown[]) => {
      await new Promise<void>((resolve) => sent.push(resolve));
      return files.map(() => DUPLICATE);
    });
    const { uploader, items } = checking([[]], [], false, { begin });
    uploader.add([{ path: ["c"], file: new File(["abc"], "c") }]);
    const states = () => items.map(({ state }) => state);
    await vi.waitFor(() => expect(begin).toHaveBeenCalled());
    expect(states()).toEqual(["new", "duplicate"]);
    uploader.cancelAll();
    await vi.waitFor(() => expect(uploader.isBusy).toBe(false));
    expect(states()).toEqual(["skipped", "skipped"]);
    expect(begin).toHaveBeenCalledTimes(1);
    uploader.add([{ path: ["d"], file: new File(["d"], "d") }], true); // listed only now
    expect(items.pop()?.state).toBe("skipped");
    for (const item of items) uploader.retry(item);
    await vi.waitFor(() => expect(begin).toHaveBeenCalledTimes(2));
    for (const resolve of sent) resolve();
    await vi.waitFor(() => expect(states()).toEqual(["duplicate", "duplicate"]));
  });
});

describe("a file that is stored already", () => {
  const known = [["sha256"], ["sha256"]];

  it("is reported once as avoided, at the end of the run", async () => {
    const { client, item, uploader } = checking(known, [DUPLICATE], false);
    const seen: number[] = [];
    uploader.subscribe(() => seen.push(client.countAvoided.mock.calls.length));
    await vi.waitFor(() => expect(uploader.runs).toBe(1));
    expect(seen).toEqual([1]); // reported before others read the totals
    expect(item?.state).toBe("duplicate");
    await uploader.reportAvoided(); // as when the page is left
    expect(client.countAvoided.mock.calls).toEqual([[{ files: 1, bytes: 3, largest: 3 }]]);
  });

  it("is not reported if files are only checked", async () => {
    const { client, item, uploader } = checking(known, [DUPLICATE]);
    await vi.waitFor(() => expect(item?.state).toBe("duplicate"));
    await uploader.reportAvoided();
    expect(client.countAvoided).not.toHaveBeenCalled();
  });

  it("is not reported if it is stored under its own name", async () => {
    const own: Result = {
      ...DUPLICATE,
      copy: { key: "b", size: 3, stored_at: "", recorded_at: "" },
    };
    const { client, uploader } = checking(known, [own], false);
    await vi.waitFor(() => expect(uploader.isBusy).toBe(false));
    await uploader.reportAvoided();
    expect(client.countAvoided).not.toHaveBeenCalled();
  });
});
