/** The page. */

import type { JSX } from "preact";
import { useCallback, useState } from "preact/hooks";
import type { Config } from "../client/documents.ts";
import type { Account } from "../upload/account.ts";
import type { Connection } from "../upload/connection.ts";
import type { Picked } from "../upload/pick.ts";
import { type Selection, sum } from "../upload/selection.ts";
import type { Unfinished } from "../upload/unfinished.ts";
import type { Uploader } from "../upload/uploader.ts";
import { Admission, SignOut } from "./admission.tsx";
import { useChanges } from "./calm.ts";
import { DropZone } from "./drop.tsx";
import { choose, type Filter, Filters } from "./filters.tsx";
import { Interrupted } from "./interrupted.tsx";
import { List } from "./list.tsx";
import { Row } from "./row.tsx";
import { Announcer, AWAY, announce, Counters, Progress } from "./summary.tsx";
import { count } from "./words.ts";

/** Files taken at a stretch: more would hold up the page. */
const STRETCH = 100;

/** What the page shows and drives. */
export interface Props {
  readonly uploader: Uploader;
  readonly selection: Selection;
  readonly connection: Connection;
  readonly account: Account;
  readonly unfinished: Unfinished;
  /** Null until the service has told it. */
  readonly config: Config | null;
}

/** The page: it shows what its collaborators know, and keeps nothing but the filter. */
export function App(props: Props): JSX.Element {
  const { uploader, selection, connection, account, unfinished, config } = props;
  useChanges(selection.watch);
  useChanges(connection.watch);
  useChanges(account.watch);
  useChanges(unfinished.watch);
  const [filter, setFilter] = useState<Filter>({ tab: "All", text: "" });
  const [onlyCheck, setOnlyCheck] = useState(uploader.onlyCheck);
  const take = useCallback(
    (picked: readonly Picked[]) => void addAll(uploader, picked),
    [uploader],
  );
  const sums = { selection, price: config?.price_per_gb_month ?? null, onlyCheck };
  const some = selection.items.length > 0;
  return (
    <>
      <Header config={config} account={account} />
      <main>
        <Banner {...{ connection, account, uploader }} />
        <DropZone
          small={some}
          onlyCheck={onlyCheck || !uploader.canUpload}
          canUpload={uploader.canUpload}
          setOnlyCheck={(only) => {
            uploader.onlyCheck = only;
            setOnlyCheck(only);
          }}
          take={take}
        />
        <Interrupted keys={unfinished.left} giveUp={() => uploader.giveUpLeft()} />
        {some && (
          <>
            <Counters {...sums} />
            <Progress {...sums} />
            <UploadNew uploader={uploader} selection={selection} />
            <Filters filter={filter} selection={selection} change={setFilter} />
            <List
              items={choose(selection.items, filter)}
              row={(item) => <Row item={item} uploader={uploader} />}
            />
          </>
        )}
      </main>
      <Announcer text={announce(selection, uploader.busy, connection.state)} />
    </>
  );
}

async function addAll(uploader: Uploader, picked: readonly Picked[]): Promise<void> {
  for (let from = 0; from < picked.length; from += STRETCH) {
    uploader.add(picked.slice(from, from + STRETCH));
    await new Promise((resolve) => setTimeout(resolve));
  }
}

function Header({ config, account }: Pick<Props, "config" | "account">): JSX.Element {
  return (
    <header>
      <h1>onecopy</h1>
      <span class="store">{config?.store.url}</span>
      <SignOut account={account} />
    </header>
  );
}

/** Offers to send what was only checked. */
function UploadNew({ uploader, selection }: Pick<Props, "uploader" | "selection">) {
  const { files } = sum(selection, "new");
  if (files === 0 || uploader.busy || !uploader.canUpload) return null;
  return (
    <button type="button" class="upload-new" onClick={() => uploader.uploadNew()}>
      Upload {files === 1 ? "the new file" : `all ${count(files)} new files`}
    </button>
  );
}

function Banner(props: Pick<Props, "connection" | "account" | "uploader">): JSX.Element | null {
  const { connection, account, uploader } = props;
  switch (connection.state) {
    case "up":
      return null;
    case "unreachable":
    case "store-unreachable":
      return <p class="banner">{AWAY[connection.state]}</p>;
    case "token-needed":
      return <Admission {...{ connection, account, busy: uploader.busy }} />;
  }
}
