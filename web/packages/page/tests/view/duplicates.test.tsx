// @vitest-environment happy-dom
import {
  Client,
  type DuplicateGroup,
  type DuplicateGroups,
  type Duplicates,
  type DuplicatesSummary,
  Problem,
} from "@onecopy/client";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { extension, mediaOf } from "../../src/upload/media.ts";
import { treeOf } from "../../src/view/duplicates/tree.ts";
import { DuplicatesView } from "../../src/view/duplicates/view.tsx";

const NONE: Duplicates = {
  groups: 0,
  duplicates: 0,
  wasted_bytes: 0,
  wasted_per_month: 0,
  folders: [],
  types: [],
  ages: [],
};
const TWO: Duplicates = {
  ...NONE,
  groups: 1,
  duplicates: 2,
  wasted_bytes: 20,
  wasted_per_month: 3,
};
const AS_OF = "2026-03-12T09:30:00Z";

function group(key: string, more: Partial<DuplicateGroup> = {}): DuplicateGroup {
  return {
    shared: `sha256:${key}`,
    size: 10,
    objects: 3,
    wasted_bytes: 20,
    wasted_per_month: 3,
    copies: [{ key, stored_at: AS_OF }],
    ...more,
  };
}

/** A client that gives these answers, one after the other, the last one again and again. */
function answering(summaries: (DuplicatesSummary | Error)[], pages: DuplicateGroups[] = []) {
  const client = new Client({ root: "http://127.0.0.1:9/" });
  const next = <T,>(answers: T[]): T => (answers.length > 1 ? answers.shift() : answers[0]) as T;
  client.duplicates = vi.fn(async () => {
    const answer = next(summaries);
    if (answer instanceof Error) throw answer;
    return answer;
  });
  client.duplicateGroups = vi.fn(async () => next(pages) ?? { groups: [] });
  client.link = vi.fn(async () => "http://127.0.0.1:9/v1/content?link=1");
  return client;
}

function shown(): string {
  return document.body.textContent ?? "";
}

async function show(client: Client, text: string): Promise<void> {
  render(<DuplicatesView client={client} />, document.body);
  await vi.waitFor(() => expect(shown()).toContain(text));
}

function click(name: string): void {
  const buttons = [...document.querySelectorAll("button")];
  buttons.find(({ textContent }) => textContent?.startsWith(name))?.click();
}

beforeEach(() => {
  vi.stubGlobal(
    "IntersectionObserver",
    class {
      readonly #act: (entries: { isIntersecting: boolean }[]) => void;
      constructor(act: (entries: { isIntersecting: boolean }[]) => void) {
        this.#act = act;
      }
      observe() {
        this.#act([{ isIntersecting: true }]);
      }
      disconnect() {}
    },
  );
});

afterEach(() => {
  render(null, document.body);
  vi.unstubAllGlobals();
});

describe("the view of duplicates", () => {
  it("shows totals of both kinds, and the groups", async () => {
    const types = [{ name: ".jpg", duplicates: 1234, wasted_bytes: 5000 }];
    const likely = { ...NONE, groups: 1, duplicates: 1234, wasted_bytes: 5000, types };
    const summary = { as_of: AS_OF, files: 9, bytes: 99, proved: TWO, likely };
    const client = answering([summary], [{ groups: [group("photos/a.jpg")] }]);
    await show(client, "photos");
    expect(shown()).toContain("the same content");
    expect(shown()).not.toContain("undefined");
    expect(document.querySelector(".counters")?.textContent).toBe(
      "duplicates220 bytes, $3.00 a monthlikely duplicates1,2345.0 kB, $0.00 a month" +
        "files stored999 bytes",
    );
    expect(shown()).toContain("3 files of 10 bytes 20 bytes wasted, $3.00 a month");
    expect(shown()).toContain("and 2 more");
    expect(shown()).toContain("Empty files are not counted.");
    click("Likely");
    await vi.waitFor(() => expect(shown()).toContain("the same ETag"));
    expect([...document.querySelectorAll(".where td")].map((cell) => cell.textContent)).toContain(
      "1,234 duplicates",
    );
    await vi.waitFor(() =>
      expect(client.duplicateGroups).toHaveBeenLastCalledWith(
        "likely",
        undefined,
        expect.anything(),
      ),
    );
  });

  it("shows folders, types and ages", async () => {
    const share = (name: string, wasted_bytes: number) => ({ name, duplicates: 1, wasted_bytes });
    const proved = {
      ...TWO,
      folders: [share("", 20), share("a", 15), share("a/<b>", 12), share("c", 5)],
      types: [share(".jpg", 12), share("", 5), share("*", 3)],
      ages: [share("1 to 3 years", 20)],
    };
    await show(answering([{ as_of: AS_OF, files: 9, proved, likely: NONE }]), "By folder");
    const tables = [...document.querySelectorAll(".where table")].map((table) =>
      [...table.querySelectorAll("tbody tr")].map(({ textContent }) => textContent),
    );
    expect(tables).toEqual([
      ["a15 bytes75%1 duplicate", "c5 bytes25%1 duplicate"],
      [
        ".jpg60%12 bytes1 duplicate",
        "no extension25%5 bytes1 duplicate",
        "others15%3 bytes1 duplicate",
      ],
      ["1 to 3 years100%20 bytes1 duplicate"],
    ]);
  });

  it("shows the storage class of a copy", async () => {
    const copies = [
      { key: "a", stored_at: AS_OF },
      { key: "b", stored_at: AS_OF, storage_class: "GLACIER" },
    ];
    const summary = { as_of: AS_OF, files: 9, proved: TWO, likely: NONE };
    await show(answering([summary], [{ groups: [group("a", { copies })] }]), "GLACIER");
    const shownAs = [...document.querySelectorAll(".copy")].map(
      (copy) => [...copy.querySelectorAll(".since")].length,
    );
    expect(shownAs).toEqual([1, 2]);
  });

  it("says that nothing is stored twice", async () => {
    await show(answering([{ as_of: AS_OF, files: 5, proved: NONE, likely: NONE }]), "twice.");
    expect(shown()).toContain("No two of the 5 stored files");
  });

  it("shows what was found so far", async () => {
    const part = { as_of: AS_OF, counting: true, partial: true, proved: TWO };
    const client = answering([part, { as_of: AS_OF, files: 5, proved: TWO, likely: NONE }]);
    await show(client, "Found so far.");
    expect(shown()).not.toContain("files stored");
    await vi.waitFor(() => expect(shown()).toContain("files stored"), 3000);
  });

  it("says that likely duplicates could not be counted", async () => {
    await show(answering([{ as_of: AS_OF, files: 5, proved: NONE }]), "could not be counted");
    expect(shown()).not.toContain("likely duplicates");
  });

  it("says that nothing is stored", async () => {
    await show(answering([{ as_of: AS_OF, proved: NONE, likely: NONE }]), "Nothing is stored yet.");
  });

  it("waits until everything is counted", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    const counted = { as_of: AS_OF, files: 5, proved: TWO };
    const client = answering([
      { counting: true },
      { ...counted, counting: true },
      { ...counted, likely: NONE },
    ]);
    render(<DuplicatesView client={client} />, document.body);
    await vi.advanceTimersByTimeAsync(10);
    expect(shown()).toContain("Counting what is stored…");
    await vi.advanceTimersByTimeAsync(600);
    expect(shown()).toContain("being counted");
    await vi.advanceTimersByTimeAsync(1100);
    expect(shown()).not.toContain("being counted");
    expect(client.duplicates).toHaveBeenCalledTimes(3);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(client.duplicates).toHaveBeenCalledTimes(3);
    vi.useRealTimers();
  });

  it.each([
    [new Problem(403, "not-allowed", "This token lacks the scope read."), "the scope `read`"],
    [new Problem(501, "duplicates-unavailable", "No."), "`onecopy report`"],
    [new Problem(400, "other", "too \u202ebad"), "too \\u202ebad"],
    [new Error("a defect"), "Reload the page"],
  ])("says why nothing can be shown, and tries again", async (error, text) => {
    const client = answering([error, { as_of: AS_OF, files: 1, proved: NONE, likely: NONE }]);
    await show(client, text);
    click("Try again");
    await vi.waitFor(() => expect(shown()).toContain("Only one file is stored."));
  });

  it("shows names safely", async () => {
    const key = "<script>alert(1)</script>/\u202egpj.exe";
    const client = answering(
      [{ as_of: AS_OF, files: 3, proved: TWO, likely: NONE }],
      [{ groups: [group(key)] }],
    );
    await show(client, "<script>alert(1)<");
    expect(document.querySelector("script")).toBe(null);
    expect(document.querySelector(".copy .name")?.textContent).toContain("\\u202egpj.exe");
    expect(document.querySelector(".copy bdi")).not.toBe(null);
  });

  it("shows more groups, each once", async () => {
    const client = answering(
      [{ as_of: AS_OF, files: 3, proved: TWO, likely: NONE }],
      [{ groups: [group("a")], next: "20-sha256:a" }, { groups: [group("b")] }],
    );
    await show(client, "Show more");
    click("Show more");
    await vi.waitFor(() => expect(document.querySelectorAll(".group").length).toBe(2));
    expect(client.duplicateGroups).toHaveBeenLastCalledWith(
      "proved",
      "20-sha256:a",
      expect.anything(),
    );
    expect(shown()).not.toContain("Show more");
  });

  it("loads pictures of images only, and only if they can be opened", async () => {
    const listed = [{ key: "c.png", stored_at: AS_OF, listed: true }];
    const client = answering(
      [{ as_of: AS_OF, files: 3, proved: TWO, likely: NONE }],
      [
        {
          groups: [
            group("a.jpg"),
            group("b.svg"),
            group("c.png", { copies: listed }),
            group("d.png", { size: 1e9 }),
          ],
        },
      ],
    );
    await show(client, "d.png");
    await vi.waitFor(() => expect(document.querySelectorAll(".thumbnail img").length).toBe(1));
    expect(client.link).toHaveBeenCalledTimes(1);
    expect(document.querySelectorAll(".copy button").length).toBe(3);
  });

  it("opens images, and shows as text what a browser might run", async () => {
    vi.stubGlobal("fetch", async () => new Response("<script>"));
    HTMLDialogElement.prototype.showModal ??= () => undefined;
    const client = answering(
      [{ as_of: AS_OF, files: 3, proved: TWO, likely: NONE }],
      [{ groups: [group("a.jpg"), group("b.html")] }],
    );
    await show(client, "b.html");
    for (const [at, preview] of [
      [0, "img"],
      [1, "pre"],
    ] as const) {
      document.querySelectorAll<HTMLButtonElement>(".copy button")[at]?.click();
      await vi.waitFor(() =>
        expect(document.querySelector(`dialog h3 + ${preview}`)).not.toBe(null),
      );
      await vi.waitFor(() => expect(document.querySelector("dialog a")).not.toBe(null));
      document.querySelector("dialog")?.dispatchEvent(new Event("close"));
      await vi.waitFor(() => expect(document.querySelector("dialog")).toBe(null));
    }
    expect(document.querySelector("iframe, object, embed, script")).toBe(null);
    vi.unstubAllGlobals();
  });
});

describe("the tree of folders", () => {
  it("has each folder below its parent, whose name it leaves out", () => {
    const share = (name: string) => ({ name, duplicates: 2, wasted_bytes: 3 });
    const tree = treeOf(["", "a", "a/b", "a/b/\u202ec", "d"].map(share));
    expect(tree.name).toBe("All folders");
    expect(tree.children?.map(({ name }) => name)).toEqual(["a", "d"]);
    expect(tree.children?.[0]?.children?.[0]?.children?.[0]).toEqual({
      name: "\\u202ec",
      value: 3,
      note: "2 duplicates",
      children: [],
    });
  });

  it("is empty without folders", () => {
    expect(treeOf([]).value).toBe(0);
  });
});

describe("the media type of a key", () => {
  it.each([
    ["a/b.JPG", "image"],
    ["a.webm", "video"],
    ["a.mp3", "audio"],
    ["a.svg", undefined],
    ["a.html", undefined],
    ["a.constructor", undefined],
    ["jpg", undefined],
    [".jpg", undefined],
    ["a.jpg/b", undefined],
  ])("of %s is %s", (key, media) => {
    expect(mediaOf(key)).toBe(media);
  });

  it("comes from the extension", () => {
    expect(extension("a.b/c.TXT")).toBe("txt");
    expect(extension("a.b/c")).toBe("");
  });
});
