// @vitest-environment happy-dom
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { keepFocus } from "../src/focus.ts";

function focused(): string | undefined {
  return document.activeElement?.id;
}

function focus(id: string): void {
  document.getElementById(id)?.focus();
}

describe("the focus", () => {
  beforeAll(() => keepFocus(document));

  beforeEach(() => {
    document.body.innerHTML = `
      <button id="first"></button><input id="field" />
      <ul id="list" tabindex="0"><li id="row" tabindex="-1"><button id="one"></button>
      <button id="two"></button></li></ul><button id="last"></button>`;
  });

  it("goes to what came before when its element disappears", async () => {
    focus("two");
    document.querySelector("#row")?.replaceChildren();
    await vi.waitFor(() => expect(focused()).toBe("row"));
    document.querySelector("#list")?.remove();
    await vi.waitFor(() => expect(focused()).toBe("first")); // a text field would open a keyboard
    document.querySelector("#first")?.remove();
    await vi.waitFor(() => expect(focused()).toBe("last"));
  });

  it("stays where it is when others disappear, and if nothing has it", async () => {
    focus("one");
    document.querySelector("#two")?.remove();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(focused()).toBe("one");
    document.querySelector<HTMLElement>("#one")?.blur();
    document.querySelector("#last")?.remove();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(document.activeElement).toBe(document.body);
  });
});
