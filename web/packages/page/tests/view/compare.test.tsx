// @vitest-environment happy-dom
import { Client, type Copy } from "@onecopy/client";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Detail, type Item, Selection } from "../../src/upload/selection.ts";
import { CompareView } from "../../src/view/compare/view.tsx";
import { storeName } from "../../src/view/header.tsx";

const time = "2020-03-12T12:00:00Z";
const DIGEST = "sha256:3a03";
const SCRIPT = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";

function copyAt(key: string, digests: readonly string[] = [DIGEST]): Copy {
  return { key, size: 4, stored_at: time, recorded_at: time, digests };
}

async function show(name: string, copy: Copy, detail: Partial<Detail> = {}): Promise<string> {
  const client = new Client({ root: "http://127.0.0.1:9/" });
  client.link = async () => "http://127.0.0.1:9/v1/content?link=1";
  vi.stubGlobal("fetch", async () => new Response(SCRIPT));
  const selection = new Selection();
  const item: Item = selection.add(new File([SCRIPT], name), `in/${name}`);
  selection.set(item, "duplicate", { copy, ...detail });
  const content = DIGEST;
  selection.change(item, { digests: { content, digests: [content], parts: [], md5: null } });
  render(<CompareView {...{ client, item, copy, close: () => undefined }} />, document.body);
  await vi.waitFor(() => expect(document.querySelector("dialog a")).not.toBe(null));
  await vi.waitFor(() => expect(document.body.textContent).not.toContain("Loading"));
  return document.body.textContent ?? "";
}

beforeEach(() => {
  HTMLDialogElement.prototype.showModal ??= () => undefined;
});

afterEach(() => {
  render(null, document.body);
  vi.unstubAllGlobals();
});

describe("the comparison", () => {
  it("shows both images, and says what is the same", async () => {
    const text = await show("a.jpg", copyAt("old/rome.jpg"));
    expect(document.querySelectorAll("img.shown").length).toBe(2);
    expect(text).toContain("Same size and same SHA-256. The service looked at the stored file");
    expect([...document.querySelectorAll("code")].map((each) => each.textContent)).toEqual([
      DIGEST,
      DIGEST,
    ]);
  });

  it.each(["a.svg", "a.html", "a.txt"])("shows %s as text, and runs none of it", async (name) => {
    await show(name, copyAt(`old/${name}`));
    const texts = [...document.querySelectorAll("pre")].map((each) => each.textContent);
    expect(texts).toEqual([SCRIPT, SCRIPT]);
    expect(document.querySelector("svg, script, iframe, object, embed, img")).toBe(null);
  });

  it("says that a chosen file is gone, and not that it can be downloaded", async () => {
    const gone = new DOMException("not found", "NotFoundError");
    const text = vi.spyOn(Blob.prototype, "text").mockRejectedValue(gone);
    expect(await show("a.txt", copyAt("old/a.txt"))).toContain("changed after you chose it");
    expect(document.querySelectorAll("pre").length).toBe(1);
    text.mockRestore();
  });

  it("only states names, sizes and dates of other files", async () => {
    const text = await show("a.zip", copyAt("old/b.zip"));
    expect(text.match(/There is no preview/g)?.length).toBe(2);
    expect(text).toContain("stored since12 March 2020");
  });

  it("does not claim a digest of a file that was not read", async () => {
    const text = await show("a.zip", copyAt("old/b.zip"), { remembered: true });
    expect(text).toContain("This file was not read again");
    expect(document.querySelectorAll("code").length).toBe(1);
  });

  it("claims no digest that the copy does not state", async () => {
    const text = await show("a.zip", copyAt("old/b.zip", []));
    expect(text).toContain("The service found the same content.");
    expect(text).not.toContain("SHA-256");
  });
});

describe("the store's name", () => {
  it.each([
    [{ kind: "s3", url: "s3://family/photos", name: "photos" }, "s3://family/photos"],
    [{ kind: "s3", url: "s3://family/photos?endpoint=http%3A%2F%2Fnas" }, "s3://family/photos"],
    [{ kind: "s3", url: "s3://b-4711", name: "Family photos" }, "Family photos"],
    [{ kind: "folder", url: "file:///srv/files", name: "files" }, "files"],
    [{ kind: "folder", name: "files" }, "files"],
    [{ kind: "folder" }, "folder"],
  ])("of %o is %s", (store, name) => {
    expect(storeName(store)).toBe(name);
  });
});
