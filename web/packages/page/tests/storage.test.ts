// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { ensureStorage } from "../src/storage.ts";

type Place = Parameters<typeof ensureStorage>[0];

/** A window whose storages already have a value, and accept none if they are full. */
function place(isFull: boolean): Place {
  const kept = localStorage;
  kept.clear();
  kept.setItem("a", "1");
  const refuse = () => {
    throw new DOMException("no room", "QuotaExceededError");
  };
  const full = new Proxy(kept, {
    get: (_, name: keyof Storage) => {
      if (name === "setItem") return refuse;
      const value = kept[name];
      return typeof value === "function" ? value.bind(kept) : value;
    },
  });
  return { localStorage: isFull ? full : kept, sessionStorage: kept };
}

describe("a storage", () => {
  it("that is full keeps what it has, and takes more for as long as the page lives", () => {
    const made = place(true);
    ensureStorage(made);
    const { localStorage: storage } = made;
    storage.setItem("a", "2");
    storage.setItem("b", "3");
    expect([storage.getItem("a"), storage.getItem("b")]).toEqual(["2", "3"]);
    expect([storage.length, storage.key(0), storage.key(1)]).toEqual([2, "a", "b"]);
    storage.removeItem("a");
    expect([storage.getItem("a"), storage.length]).toEqual([null, 1]);
  });

  it("that has room is the browser’s, so that other tabs see what is written and removed", () => {
    const made = place(false);
    const kept = made.localStorage;
    ensureStorage(made);
    made.localStorage.setItem("b", "2");
    expect([kept.getItem("a"), kept.getItem("b")]).toEqual(["1", "2"]);
    kept.removeItem("b");
    expect(made.localStorage.getItem("b")).toBe(null);
  });

  it("that is forbidden is one in memory", () => {
    const made = Object.defineProperty({ sessionStorage }, "localStorage", {
      configurable: true,
      get: () => {
        throw new DOMException("denied", "SecurityError");
      },
    }) as Place;
    ensureStorage(made);
    made.localStorage.setItem("a", "1");
    expect([made.localStorage.getItem("a"), made.localStorage.length]).toEqual(["1", 1]);
    made.localStorage.clear();
    expect(made.localStorage.getItem("a")).toBe(null);
  });
});
