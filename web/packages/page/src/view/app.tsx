/** The page as a whole. */

import type { Client, Config, Unfinished } from "@onecopy/client";
import type { JSX } from "preact";
import { useCallback, useState } from "preact/hooks";
import type { Connection } from "../connection.ts";
import type { Session } from "../session.ts";
import type { Picked } from "../upload/pick.ts";
import { type Selection, sum } from "../upload/selection.ts";
import type { Uploader } from "../upload/uploader.ts";
import { DropZone } from "./drop.tsx";
import { applyFilter, type Filter, Filters } from "./filters.tsx";
import { Interrupted } from "./interrupted.tsx";
import { List } from "./list.tsx";
import { Row } from "./row.tsx";
import { SignIn, SignOut } from "./sign-in.tsx";
import { Announcer, announce, Counters, OFFLINE, Progress } from "./summary.tsx";
import { useChanges } from "./use-changes.ts";
import { Lazy, show, useView, ViewLinks } from "./views.tsx";
import { count } from "./words.ts";

/** Files that are added without a pause; more would block the page. */
const FILES_PER_TURN = 100;

/** The state that the page shows, and the actions behind its buttons. */
export interface Props {
  readonly client: Client;
  readonly uploader: Uploader;
  readonly selection: Selection;
  readonly connection: Connection;
  readonly session: Session;
  readonly unfinished: Unfinished;
  /** Null until the service has answered. */
  readonly config: Config | null;
}

const loadActivity = async () => (await import("./activity/view.tsx")).ActivityView;
const loadDuplicates = async () => (await import("./duplicates/view.tsx")).DuplicatesView;

/** The page. The address names its view; what was chosen to upload stays when another is shown. */
export function App(props: Props): JSX.Element {
  const { client, session, connection, uploader, selection, config } = props;
  const view = useView();
  useChanges(connection.subscribe);
  useChanges(session.subscribe);
  return (
    <>
      <Header config={config} session={session} />
      <ViewLinks view={view} />
      <main>
        <Banner {...{ connection, session, uploader, selection }} />
        <div hidden={view !== "upload"}>
          <UploadView {...props} />
        </div>
        {view === "duplicates" && <Lazy load={loadDuplicates} props={{ client }} />}
        {view === "activity" && <Lazy load={loadActivity} props={{ client }} />}
      </main>
      <Status {...{ uploader, selection, connection }} />
    </>
  );
}

/** What screen readers announce, whichever view is shown. */
function Status(props: Pick<Props, "uploader" | "selection" | "connection">): JSX.Element {
  const { uploader, selection, connection } = props;
  useChanges(selection.subscribe);
  return <Announcer text={announce(selection, uploader.isBusy, connection.state)} />;
}

/** The first view. Its own state is the filter; everything else is in its collaborators. */
function UploadView({ uploader, selection, unfinished, config }: Props): JSX.Element {
  useChanges(selection.subscribe);
  useChanges(unfinished.subscribe);
  const [filter, setFilter] = useState<Filter>({ tab: "All", text: "" });
  const [checkOnly, setCheckOnly] = useState(uploader.checkOnly);
  const add = useCallback((picked: readonly Picked[]) => void addAll(uploader, picked), [uploader]);
  const totals = { selection, price: config?.price_per_gb_month ?? null, checkOnly };
  const hasFiles = selection.items.length > 0;
  return (
    <>
      <DropZone
        isSmall={hasFiles}
        checkOnly={checkOnly || !uploader.canUpload}
        canUpload={uploader.canUpload}
        setCheckOnly={(checkOnly) => {
          uploader.checkOnly = checkOnly;
          setCheckOnly(checkOnly);
        }}
        add={add}
      />
      <Interrupted keys={unfinished.interrupted} discard={() => uploader.abortInterrupted()} />
      {hasFiles && (
        <>
          <Counters {...totals} />
          <Progress {...totals} />
          <UploadNew uploader={uploader} selection={selection} />
          <Filters filter={filter} selection={selection} change={setFilter} />
          <List
            items={applyFilter(selection.items, filter)}
            row={(item) => <Row item={item} uploader={uploader} />}
          />
        </>
      )}
    </>
  );
}

async function addAll(uploader: Uploader, picked: readonly Picked[]): Promise<void> {
  show("upload"); // files can be dropped on any view
  for (let from = 0; from < picked.length; from += FILES_PER_TURN) {
    uploader.add(picked.slice(from, from + FILES_PER_TURN));
    await new Promise((resolve) => setTimeout(resolve));
  }
}

function Header({ config, session }: Pick<Props, "config" | "session">): JSX.Element {
  return (
    <header>
      <h1>onecopy</h1>
      <span class="store">{config?.store.url ?? config?.store.name}</span>
      <SignOut session={session} />
    </header>
  );
}

/** The button that uploads the files that were only checked. */
function UploadNew({ uploader, selection }: Pick<Props, "uploader" | "selection">) {
  const { files } = sum(selection, "new");
  if (files === 0 || uploader.isBusy || !uploader.canUpload) return null;
  return (
    <button type="button" class="upload-new" onClick={() => uploader.uploadNew()}>
      Upload {files === 1 ? "the new file" : `all ${count(files)} new files`}
    </button>
  );
}

type BannerProps = Pick<Props, "connection" | "session" | "uploader" | "selection">;

function Banner({ connection, session, uploader, selection }: BannerProps): JSX.Element | null {
  useChanges(selection.subscribe); // so that it knows whether files are waiting
  switch (connection.state) {
    case "up":
      return null;
    case "unreachable":
    case "store-unreachable":
      return <p class="banner">{OFFLINE[connection.state]}</p>;
    case "token-needed":
      return <SignIn {...{ connection, session, isBusy: uploader.isBusy }} />;
  }
}
