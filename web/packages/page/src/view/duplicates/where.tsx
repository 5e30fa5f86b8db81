/** Where duplicates are, of which types, and since when, as pictures. */

import { Bars } from "@onecopy/charts/bars.tsx";
import { Treemap } from "@onecopy/charts/treemap.tsx";
import "@onecopy/charts/charts.css";
import type { Duplicates, Share } from "@onecopy/client";
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { nameText } from "../names.ts";
import { describeDuplicates, size, typeName, WHERE } from "../words.ts";
import { treeOf } from "./tree.ts";

export function Where({ duplicates }: { readonly duplicates: Duplicates }): JSX.Element {
  const { folders, types, ages } = duplicates;
  const [path, open] = useState<readonly string[]>([]);
  const tree = useMemo(() => treeOf(folders), [folders]);
  return (
    <div class="where">
      <h3>{WHERE.folders}</h3>
      <Treemap
        label={WHERE.folders}
        headings={WHERE.folderHeadings}
        format={size}
        {...{ tree, path, open }}
      />
      <div class="divisions">
        <Bars
          label={WHERE.types}
          headings={WHERE.typeHeadings}
          format={size}
          bars={bars(types, typeName)}
        />
        <Bars
          label={WHERE.ages}
          headings={WHERE.ageHeadings}
          format={size}
          bars={bars(ages, nameText)}
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
