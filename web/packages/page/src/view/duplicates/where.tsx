/** Where duplicates are, of which types, and since when, as pictures. */

import { Bars } from "@onecopy/charts/bars.tsx";
import { Treemap } from "@onecopy/charts/treemap.tsx";
import "@onecopy/charts/charts.css";
import type { Duplicates, Share } from "@onecopy/client";
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { size } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { ageName, describeDuplicates, typeName } from "./describe.ts";
import { treeOf } from "./tree.ts";

export function Where({ duplicates }: { readonly duplicates: Duplicates }): JSX.Element {
  const { folders, types, ages } = duplicates;
  const [path, open] = useState<readonly string[]>([]);
  const tree = useMemo(() => treeOf(folders), [folders]);
  return (
    <div class="where">
      <h3>{words.duplicates.folders}</h3>
      <Treemap
        label={words.duplicates.folders}
        headings={words.duplicates.headings.folder}
        format={size}
        {...{ tree, path, open }}
      />
      <div class="divisions">
        <Bars
          label={words.duplicates.types}
          headings={words.duplicates.headings.type}
          format={size}
          bars={bars(types, typeName)}
        />
        <Bars
          label={words.duplicates.ages}
          headings={words.duplicates.headings.age}
          format={size}
          bars={bars(ages, ageName)}
        />
      </div>
    </div>
  );
}

function bars(shares: readonly Share[], name: (name: string) => string) {
  return shares.map((share) => ({
    name: name(share.name),
    value: share.wasted_bytes,
    note: describeDuplicates(share),
  }));
}
