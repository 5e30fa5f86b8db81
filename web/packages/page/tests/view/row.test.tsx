// @vitest-environment happy-dom
import { Client, Hasher, Unfinished } from "@onecopy/client";
import { render } from "preact";
import { afterEach, describe, expect, it } from "vitest";
import { Connection } from "../../src/connection.ts";
import { type Detail, type Item, Selection, type State } from "../../src/upload/selection.ts";
import { Uploader } from "../../src/upload/uploader.ts";
import { Row } from "../../src/view/upload/row.tsx";
import { signedOut } from "../signed-out.ts";

const ROOT = "http://127.0.0.1:9/";

/** Return the page's own collaborators; these tests send no requests. */
function collaborators() {
  const network = new Connection(ROOT, sessionStorage, signedOut);
  const selection = new Selection();
  const client = new Client({ root: ROOT });
  const unfinished = new Unfinished(ROOT, localStorage);
  const hasher = new Hasher();
  const uploader = new Uploader({ client, hasher, network, selection, unfinished });
  return { selection, uploader };
}

function show(state: State, detail: Partial<Detail> = {}, key = "in/a.jpg") {
  const { selection, uploader } = collaborators();
  const item = selection.add(new File(["1234"], "a.jpg"), key);
  selection.set(item, state, detail);
  draw(item, uploader);
  return { item, selection, uploader };
}

function draw(item: Item, uploader: Uploader, look: ((item: Item) => void) | null = null): void {
  render(<Row {...{ item, uploader, look, thumbnails: null }} />, document.body);
}

function buttons(): (string | null)[] {
  return [...document.querySelectorAll("button")].map(({ textContent }) => textContent);
}

function copyAt(key: string): Partial<Detail> {
  const time = "2020-03-12T12:00:00Z";
  return { copy: { key, size: 4, stored_at: time, recorded_at: time } };
}

afterEach(() => {
  render(null, document.body);
});

describe("the actions for a file", () => {
  it.each<[State, Partial<Detail>, string[]]>([
    ["hashing", {}, ["Cancel"]],
    ["sending", {}, ["Cancel"]],
    ["sending", { reason: "completing" }, []],
    ["new", {}, ["Upload"]],
    ["uploaded", {}, []],
    ["duplicate", copyAt("other.jpg"), ["Upload anyway"]],
    ["duplicate", copyAt("in/a.jpg"), ["Upload as a (2).jpg"]],
    ["taken", {}, ["Upload as a (2).jpg", "Skip"]],
    ["unconfirmed", {}, ["Upload", "Skip"]],
    ["failed", { reason: "file-changed" }, ["Try again"]],
    ["failed", { reason: "key-control" }, []],
    ["skipped", {}, ["Try again"]],
  ])("in state %s, %o", (state, detail, names) => {
    show(state, detail);
    expect(buttons()).toEqual(names);
  });

  it.each<[State, Partial<Detail>, string[]]>([
    ["uploaded", copyAt("in/a.jpg"), ["Open"]],
    ["placed", copyAt("in/a.jpg"), ["Open"]],
    ["placing", copyAt("other.jpg"), []],
    ["duplicate", copyAt("other.jpg"), ["Compare", "Add here too", "Upload anyway"]],
    ["duplicate", { ...copyAt("other.jpg"), decided: true }, ["Compare", "Upload anyway"]],
    ["duplicate", { reason: "listed" }, ["Upload anyway"]],
    ["duplicate", copyAt("in/a.jpg"), ["Compare", "Upload as a (2).jpg"]],
    ["checking", { reason: "confirming" }, ["Upload now", "Cancel"]],
  ])("in state %s, %o, with links and copies within the store", (state, detail, names) => {
    const { item, uploader } = show(state, detail);
    uploader.canPlace = true;
    draw(item, uploader, () => undefined);
    expect(buttons()).toEqual(names);
  });

  it("are none if the service does not allow uploads", () => {
    const { item, uploader } = show("duplicate", copyAt("other.jpg"));
    uploader.canUpload = false;
    draw(item, uploader);
    expect(buttons()).toEqual([]);
  });

  it("are named by their file, too", () => {
    show("failed", { reason: "file-changed" });
    const name = document.querySelector("button")?.getAttribute("aria-describedby") ?? "";
    expect(document.getElementById(name)?.textContent).toContain("a.jpg");
  });

  it("don't open an empty file", () => {
    const { selection, uploader } = collaborators();
    const item = selection.add(new File([], "a"), "in/a.jpg");
    selection.set(item, "uploaded", copyAt("in/a.jpg"));
    draw(item, uploader, () => undefined);
    expect(buttons()).toEqual([]);
  });

  it("show misleading names escaped", () => {
    show("failed", { reason: "key-control" }, "in\n/a\r.exe");
    expect(document.querySelector("b")?.textContent).toBe("a\\r.exe");
    expect(document.querySelector(".folder")?.textContent).toBe("in\\n");
    expect(document.querySelector(".name")?.getAttribute("title")).toBe("in\\n/a\\r.exe");
    const { item, selection, uploader } = show("taken", {}, "in/a\u202egpj.exe");
    expect(document.querySelector("b")?.textContent).toBe("a\\u202egpj.exe");
    expect(buttons()[0]).toBe("Upload as a\\u202egpj (2).exe");
    selection.set(item, "duplicate", copyAt("cafe\u0301\r"));
    draw(item, uploader);
    const detail = document.querySelector(".detail")?.textContent;
    expect(detail).toBe("Stored as cafe\u0301\\r (not in Unicode NFC) since 12 March 2020");
  });

  it("show letters that look like others", () => {
    show("new", {}, "in/p\u0430ssword.txt");
    expect(document.querySelector(".misleading")?.textContent).toContain("U+0430");
    show("new", {}, "\u043f\u0430\u043f\u043a\u0430/a.txt");
    expect(document.querySelector(".misleading")).toBeNull();
  });

  it("isolate names in the row", () => {
    show("new", {}, "\u05d0/\u05d1.txt");
    expect([...document.querySelectorAll("bdi")].map(({ textContent }) => textContent)).toEqual([
      "\u05d1.txt",
      "\u05d0",
    ]);
  });

  it("include skipping it", () => {
    const { item } = show("taken");
    [...document.querySelectorAll("button")].at(-1)?.click();
    expect(item.state).toBe("skipped");
  });
});

describe("the suggested name", () => {
  it("is one that no file of the selection has", () => {
    const { item, selection, uploader } = show("taken");
    selection.add(new File([], "b"), "in/a (2).jpg");
    draw(item, uploader);
    expect(buttons()[0]).toBe("Upload as a (3).jpg");
  });

  it("keeps the number in a name that the user chose, as the command line does", () => {
    show("taken", {}, "in/a (2).jpg");
    expect(buttons()[0]).toBe("Upload as a (2) (2).jpg");
  });
});

describe("a row", () => {
  it("shows names as text, even if they look like HTML", () => {
    show("queued", {}, "<img src=x onerror=alert(1)>");
    expect(document.querySelector("img")).toBeNull();
    expect(document.querySelector(".name")?.textContent).toContain("<img src=x");
  });
});
