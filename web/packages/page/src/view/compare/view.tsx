/**
 * A chosen file and the stored copy, side by side. What is stored never becomes active content of
 * this page: images and media are shown by elements that run nothing, and text as text.
 */

import type { Client, Copy } from "@onecopy/client";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Item } from "../../upload/selection.ts";
import { date, size } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { splitKey } from "../describe.ts";
import { nameInText, nameText } from "../names.ts";
import { useLoaded } from "../use-loaded.ts";
import { describeEvidence, sharedDigest } from "./evidence.ts";
import { Shown, StoredFile } from "./shown.tsx";
import "../preview.css";
import "./style.css";

interface Props {
  readonly client: Client;
  readonly item: Item;
  readonly copy: Copy;
  readonly close: () => void;
}

export function CompareView({ client, item, copy, close }: Props): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    // The browser goes to the first button, which may be below the window.
    dialog.current?.scrollTo(0, 0);
  }, []);
  const { compare, common } = words;
  const stored = splitKey(copy.key);
  const digest = sharedDigest(item, copy);
  const link = useLoaded<string>(
    async (show, signal) => show(await client.link(copy, signal)),
    copy.key,
  );
  return (
    <dialog ref={dialog} class="preview compare" aria-labelledby="compare" onClose={close}>
      <h3 id="compare" class="visually-hidden">
        {compare.title}: {nameInText(item.key)}
      </h3>
      <p class="evidence">{describeEvidence(item, copy).join(" ")}</p>
      <div class="sides">
        <section aria-label={compare.local}>
          <h4>{compare.local}</h4>
          <LocalFile file={item.file} />
          <Facts
            {...splitKey(item.path)}
            bytes={item.file.size}
            day={[compare.modified, date(item.file.lastModified)]}
            digest={item.remembered ? null : digest}
          />
        </section>
        <section aria-label={compare.stored}>
          <h4>{compare.stored}</h4>
          <StoredFile copy={copy} link={link} />
          <Facts
            {...stored}
            bytes={copy.size}
            day={[compare.since, date(copy.stored_at)]}
            digest={digest}
          />
        </section>
      </div>
      <p class="actions">
        {link.value !== null && (
          <a href={link.value} target="_blank" rel="noopener noreferrer" download="">
            {compare.download}
          </a>
        )}
        <button type="button" onClick={() => dialog.current?.close()}>
          {common.close}
        </button>
      </p>
    </dialog>
  );
}

function LocalFile({ file }: { readonly file: File }): JSX.Element {
  const { value: url } = useLoaded<string>(async (show, signal) => {
    const url = URL.createObjectURL(file);
    signal.addEventListener("abort", () => URL.revokeObjectURL(url));
    show(url);
  }, file.name);
  return <Shown name={file.name} bytes={file.size} url={url} read={async () => file} />;
}

interface FactsProps {
  readonly name: string;
  readonly folder: string;
  readonly bytes: number;
  /** What the date says, and the date. */
  readonly day: readonly [what: string, day: string];
  readonly digest: string | null;
}

function Facts({ name, folder, bytes, day, digest }: FactsProps): JSX.Element {
  const { compare } = words;
  return (
    <dl class="facts">
      <dt>{compare.name}</dt>
      <dd>
        <bdi>{nameText(name)}</bdi>
      </dd>
      <dt>{compare.folder}</dt>
      <dd>
        <bdi>{folder === "" ? compare.top : nameText(folder)}</bdi>
      </dd>
      <dt>{compare.size}</dt>
      <dd>{size(bytes)}</dd>
      <dt>{day[0]}</dt>
      <dd>{day[1]}</dd>
      {digest !== null && (
        <>
          <dt>{compare.digest}</dt>
          <dd>
            <code>{digest}</code>
          </dd>
        </>
      )}
    </dl>
  );
}
