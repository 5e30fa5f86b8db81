/** Duplicates by folder. */

import { type Tree, Treemap } from "@onecopy/charts/treemap.tsx";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Data, Folder, Kind } from "./data.ts";
import { counted, money, size } from "./words.ts";

interface Props {
  readonly data: Data;
  readonly kind: Kind;
  readonly path: readonly string[];
  readonly open: (path: readonly string[]) => void;
}

export function Where({ data, kind, path, open }: Props): JSX.Element {
  const tree = useMemo(() => treeOf(data.folders, kind), [data, kind]);
  return (
    <section>
      <h2>Where</h2>
      <Treemap
        label="Bytes in duplicates, by folder"
        {...{ tree, path, open }}
        format={size}
        headings={["folder", "in duplicates", "duplicates and cost"]}
      />
    </section>
  );
}

function treeOf(folder: Folder, kind: Kind): Tree {
  const { objects, bytes, usd } = folder[kind];
  return {
    name: folder.name,
    value: bytes,
    note: `${counted(objects, "duplicate")}, ${money(usd)} a month`,
    children: folder.children
      .map((child) => treeOf(child, kind))
      .filter((child) => child.value > 0)
      .sort((one, other) => other.value - one.value),
  };
}
