import type { Hasher, Network } from "@onecopy/client";
import { expect, it, vi } from "vitest";
import { Hashing } from "../../src/upload/hashing.ts";
import { Selection } from "../../src/upload/selection.ts";

const DIGESTS = { digests: ["sha256:00"], content: "sha256:00", parts: [], md5: null };

it("reading a file because another has its size waits while the work is paused", async () => {
  const selection = new Selection();
  const item = selection.add(new File(["abc"], "a"), "a");
  let resume: () => void = () => undefined;
  const ready = () => new Promise<void>((go) => (resume = go));
  const hasher = {
    digests: async (_: Blob, __: unknown, options: { ready: () => Promise<unknown> }) => {
      await options.ready();
      return DIGESTS;
    },
  };
  const hashing = new Hashing({
    hasher: hasher as unknown as Hasher,
    network: { ready } as unknown as Network,
    selection,
    cache: undefined,
    maxDigests: () => 8,
  });
  const whenRead = vi.fn();
  const reading = hashing.read(item, whenRead);
  await new Promise((go) => setTimeout(go, 20));
  expect(whenRead).not.toHaveBeenCalled();
  resume();
  await reading;
  expect(whenRead).toHaveBeenCalledWith(DIGESTS);
});
