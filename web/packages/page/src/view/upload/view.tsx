/** The first view: choosing files, and what becomes of each. */

import type { JSX } from "preact";
import { useCallback, useMemo, useState } from "preact/hooks";
import { type Choice, keepChoice } from "../../upload/choice.ts";
import { RecentFolders } from "../../upload/destination.ts";
import type { Groups } from "../../upload/picked.ts";
import { type Item, sum } from "../../upload/selection.ts";
import { Thumbnails } from "../../upload/thumbnails.ts";
import type { Uploader } from "../../upload/uploader.ts";
import { count } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { storeName } from "../header.tsx";
import type { Props } from "../props.ts";
import { useChanges } from "../use-changes.ts";
import { Lazy, show } from "../views.tsx";
import { Again, Cached } from "./again.tsx";
import { Counters } from "./counters.tsx";
import { DropZone } from "./drop.tsx";
import { End } from "./end.tsx";
import { Filters } from "./filters.tsx";
import { FirstVisit } from "./first-visit.tsx";
import { ForAll, RepeatAll } from "./for-all.tsx";
import { Interrupted } from "./interrupted.tsx";
import { List } from "./list.tsx";
import { applyFilter, type Filter } from "./order.ts";
import { Progress } from "./progress.tsx";
import { Row } from "./row.tsx";

/** Files that are added without a pause; more would block the page. */
const FILES_PER_TURN = 100;
const VISITED = "onecopy-visited";

const loadCompare = async () => (await import("../compare/view.tsx")).CompareView;
const loadPreview = async () => (await import("../preview.tsx")).Preview;

export function UploadView(props: Props): JSX.Element {
  const { uploader, selection, unfinished, config, cache, folders } = props;
  useChanges(selection.subscribe);
  useChanges(unfinished.subscribe);
  const [checkOnly, setCheckOnly] = useState(uploader.checkOnly);
  const recent = useMemo(() => new RecentFolders(localStorage), []);
  const add = useCallback((groups: Groups) => addAll(uploader, groups, recent), [uploader, recent]);
  const offer = useCallback(folders.offer.bind(folders), [folders]);
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
        recent={recent}
        room={config?.limits.key_bytes ?? 1024}
        setFolder={(folder) => {
          uploader.folder = folder;
        }}
        add={add}
        offer={offer}
      />
      <Again folders={folders} add={add} />
      <Interrupted keys={unfinished.interrupted} discard={() => uploader.abortInterrupted()} />
      {hasFiles ? <Results {...props} checkOnly={checkOnly} /> : <Welcome />}
      <Cached cache={cache} />
    </>
  );
}

function Welcome(): JSX.Element | null {
  return localStorage.getItem(VISITED) === null ? <FirstVisit /> : null;
}

/** Add files while they are being listed; when all are cancelled, the others are skipped. */
async function addAll(uploader: Uploader, groups: Groups, recent: RecentFolders): Promise<void> {
  const { cancels } = uploader;
  let isFirst = true;
  for await (const picked of groups) {
    if (picked.length > 0 && isFirst) open(uploader, recent);
    isFirst &&= picked.length === 0;
    for (let from = 0; from < picked.length; from += FILES_PER_TURN) {
      uploader.add(picked.slice(from, from + FILES_PER_TURN), uploader.cancels !== cancels);
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
  // Now, since dialogs are to open while the service is away, too.
  await Promise.allSettled([loadCompare(), loadPreview()]);
}

/** Show the list, and note where files go. */
function open(uploader: Uploader, recent: RecentFolders): void {
  show("upload"); // files can be dropped on any view
  localStorage.setItem(VISITED, "yes");
  if (!uploader.checkOnly) recent.use(uploader.folder);
}

/** All chosen files: totals, progress, and the list. Its own state is the filter. */
function Results(props: Props & { readonly checkOnly: boolean }): JSX.Element {
  const { uploader, selection, connection, config, checkOnly } = props;
  const [filter, setFilter] = useState<Filter>({ tab: "all", text: "", order: "added" });
  const [looked, look] = useState<Item | null>(null);
  const [, setChoice] = useState(uploader.choice);
  const thumbnails = useMemo(() => new Thumbnails(), []);
  const items = applyFilter(selection.items, filter);
  const price = config?.price_per_gb_month ?? null;
  const { isBusy } = uploader;
  const canLook = config?.features.includes("link") ?? false;
  const keep = (choice: Choice | null) => {
    keepChoice(localStorage, choice);
    uploader.choice = choice;
    setChoice(choice);
  };
  return (
    <>
      <Counters selection={selection} price={price} />
      <Progress
        {...{ selection, isBusy, checkOnly, pause: connection.pause }}
        isWaiting={connection.state !== "up"}
        cancelAll={() => uploader.cancelAll()}
      />
      {!isBusy && <End {...{ selection, price, store: config ? storeName(config.store) : "" }} />}
      <UploadNew uploader={uploader} selection={selection} />
      <Filters filter={filter} selection={selection} change={setFilter} />
      <ForAll {...{ items, uploader, keep }} />
      <RepeatAll {...{ items, uploader }} />
      {items.length === 0 && (
        <p class="nothing">{words.list.nothing[filter.text === "" ? filter.tab : "all"]}</p>
      )}
      <List
        {...{ items, filter }}
        row={(item) => <Row {...{ item, uploader, thumbnails, look: canLook ? look : null }} />}
      />
      <Looked {...props} item={looked} close={() => look(null)} />
    </>
  );
}

type LookedProps = Pick<Props, "client"> & {
  readonly item: Item | null;
  readonly close: () => void;
};

/** The stored copy of a file, in a dialog: beside the file, or alone if that was just uploaded. */
function Looked({ client, item, close }: LookedProps): JSX.Element | null {
  const copy = item?.copy ?? null;
  if (item === null || copy === null) return null;
  return item.state === "uploaded" || item.state === "placed" ? (
    <Lazy load={loadPreview} props={{ client, copy, close }} />
  ) : (
    <Lazy load={loadCompare} props={{ client, item, copy, close }} />
  );
}

/** The button that uploads the files that were only checked. */
function UploadNew({ uploader, selection }: Pick<Props, "uploader" | "selection">) {
  const { files } = sum(selection, "new");
  if (files === 0 || uploader.isBusy || !uploader.canUpload) return null;
  return (
    <button type="button" class="upload-new" onClick={() => uploader.uploadNew()}>
      {words.list.uploadNew(files, count(files))}
    </button>
  );
}
