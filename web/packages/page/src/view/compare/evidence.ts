/** Why a stored file counts as the same, in sentences. */

import type { Copy } from "@onecopy/client";
import type { Item } from "../../upload/selection.ts";
import { words } from "../../words/language.ts";
import { describeDetail } from "../describe.ts";

/** Return the digest that a file and a copy share, as `scheme:hex`; null if it is not stated. */
export function sharedDigest({ digests }: Item, copy: Copy): string | null {
  const own = [digests?.content ?? "", ...(digests?.digests ?? [])];
  return own.find((digest) => copy.digests?.includes(digest)) ?? null;
}

/** Return the evidence, a sentence each. */
export function describeEvidence(item: Item, copy: Copy): string[] {
  const { compare } = words;
  if (item.state !== "duplicate") return [describeDetail(item)];
  const digest = sharedDigest(item, copy);
  const same = digest === null ? compare.sameContent : describeSame(digest);
  return [same, compare.seen, ...(item.remembered ? [compare.remembered] : [])];
}

function describeSame(digest: string): string {
  const scheme = digest.slice(0, digest.lastIndexOf(":"));
  return /^sha256\b/.test(scheme) ? words.compare.same : words.compare.sameOther(scheme);
}
