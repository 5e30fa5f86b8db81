// @vitest-environment happy-dom
import type { ComponentType } from "preact";
import { render } from "preact";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Lazy, show, useView, ViewLinks } from "../../src/view/views.tsx";

function Page() {
  const view = useView();
  return (
    <>
      <ViewLinks view={view} />
      <p>{view}</p>
    </>
  );
}

function current(): string {
  return `${document.querySelector("[aria-current]")?.textContent} ${document.querySelector("p")?.textContent}`;
}

afterEach(() => {
  render(null, document.body);
  location.hash = "";
});

describe("the view", () => {
  it("is the one that the address names", async () => {
    location.hash = "#duplicates";
    render(<Page />, document.body);
    expect(current()).toBe("Duplicates duplicates");
    show("activity");
    await vi.waitFor(() => expect(current()).toBe("Activity activity"));
    show("upload");
    await vi.waitFor(() => expect(current()).toBe("Upload upload"));
  });

  it.each(["", "#", "#other", "#constructor"])("is that of uploads for the address %s", (hash) => {
    location.hash = hash;
    render(<Page />, document.body);
    expect(current()).toBe("Upload upload");
  });
});

describe("a lazy view", () => {
  const shown = async (load: () => Promise<ComponentType<object>>, text: string) => {
    render(<Lazy load={load} props={{}} />, document.body);
    expect(document.body.textContent).toBe("Loading…");
    await vi.waitFor(() => expect(document.body.textContent).toContain(text));
  };

  it("is shown when it is loaded", async () => {
    await shown(async () => () => <p>here</p>, "here");
  });

  it("says that it could not be loaded, and is loaded at the next try", async () => {
    const load = vi.fn(async () => () => <p>here</p>).mockRejectedValueOnce(new Error("gone"));
    const scrolled = vi.spyOn(Element.prototype, "scrollIntoView");
    await shown(load, "This view could not be loaded.");
    await vi.waitFor(() => expect(scrolled).toHaveBeenCalled()); // it may be below a long list
    document.querySelector("button")?.click();
    await vi.waitFor(() => expect(document.body.textContent).toBe("here"));
  });
});
