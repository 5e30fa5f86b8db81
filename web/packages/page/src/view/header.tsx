/** The head of the page: which store this is, what it has, and how the page looks. */

import {
  type Activity,
  type Client,
  type Config,
  type DuplicatesSummary,
  sleep,
} from "@onecopy/client";
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import markUrl from "../mark.svg";
import type { Session } from "../session.ts";
import { chooseTheme, chosenTheme, type Theme } from "../theme.ts";
import { type Selection, sum } from "../upload/selection.ts";
import type { Uploader } from "../upload/uploader.ts";
import { count, money } from "../words/format.ts";
import { LANGUAGES, type Language, language, words } from "../words/language.ts";
import { printable } from "./names.ts";
import { SignOut } from "./sign-in.tsx";
import { useChanges } from "./use-changes.ts";
import { useLoaded } from "./use-loaded.ts";

const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 30_000;

interface Props {
  readonly client: Client;
  readonly uploader: Uploader;
  readonly selection: Selection;
  readonly session: Session;
  readonly config: Config | null;
  readonly speak: (language: Language) => void;
}

export function Header({ client, uploader, selection, session, config, speak }: Props) {
  // What is stored and was avoided can be read by those who may read copies.
  const mayRead = config?.features.includes("link") ?? false;
  return (
    <header>
      <h1>
        <img class="logo" src={markUrl} alt="" width="28" height="28" /> onecopy
      </h1>
      {config !== null && <Store {...config.store} />}
      {mayRead && <Totals {...{ client, uploader, selection }} />}
      <span class="settings">
        <LanguageSwitch speak={speak} />
        <ThemeSwitch />
        <SignOut session={session} />
      </span>
    </header>
  );
}

/** Return the name by which people know the store: its address without options, unless a path. */
export function storeName({ kind, url, name }: Config["store"]): string {
  const isAddress = url !== undefined && !url.startsWith("file:");
  // The operator may have given another name than the address has.
  const isOwn = name !== undefined && !url?.includes(name);
  return printable((isAddress && !isOwn ? url.replace(/\?.*/, "") : name) ?? kind);
}

function Store(store: Config["store"]): JSX.Element {
  return (
    <span class="store" title={printable(store.url ?? "")}>
      {storeName(store)}
    </span>
  );
}

/** What is stored, and what was avoided: again after each run. */
function Totals({ client, uploader, selection }: Pick<Props, "client" | "uploader" | "selection">) {
  useChanges(selection.subscribe);
  const runs = useRef("");
  const stored = sum(selection, "uploaded", "placed", "duplicate").files;
  if (!uploader.isBusy) runs.current = String(stored);
  const activity = useLoaded<Activity>(
    async (show, signal) => show(await client.activity(signal)),
    runs.current,
  );
  const summary = useLoaded<DuplicatesSummary>(
    (show, signal) => untilCounted(client, show, signal),
    runs.current,
  );
  const parts = [describeStored(summary.value), describeAvoided(activity.value)];
  return <span class="totals">{parts.filter((part) => part !== "").join(" · ")}</span>;
}

/** Show what is stored as soon as it has been counted for the first time. */
async function untilCounted(
  client: Client,
  show: (summary: DuplicatesSummary) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(2 * delay, MAX_DELAY_MS)) {
    const summary = await client.duplicates(signal);
    if (summary.as_of !== undefined && !summary.partial) return show(summary);
    await sleep(delay, signal);
  }
}

function describeStored(summary: DuplicatesSummary | null): string {
  const files = summary?.files ?? 0;
  return files === 0 ? "" : words.header.stored(files, count(files));
}

function describeAvoided(activity: Activity | null): string {
  const { avoided_files: files = 0, saved_per_month: saved = 0 } = activity?.total ?? {};
  return files === 0 ? "" : words.header.avoided(files, count(files), money(saved));
}

const NEXT: Readonly<Record<Theme, Theme>> = { system: "light", light: "dark", dark: "system" };
const SIGNS: Readonly<Record<Theme, string>> = { system: "◐", light: "☀", dark: "☾" };

/** A button that goes from one theme to the next. */
function ThemeSwitch(): JSX.Element {
  const [theme, setTheme] = useState(() => chosenTheme(localStorage));
  const change = () => {
    chooseTheme(localStorage, NEXT[theme]);
    setTheme(NEXT[theme]);
  };
  const name = words.header.themes[theme];
  return (
    <button type="button" class="quiet" title={name} aria-label={name} onClick={change}>
      {SIGNS[theme]}
    </button>
  );
}

/** A button for each other language, in that language. */
function LanguageSwitch({ speak }: Pick<Props, "speak">): JSX.Element {
  const others = (Object.keys(LANGUAGES) as Language[]).filter((each) => each !== language);
  return (
    <>
      {others.map((each) => (
        <button type="button" class="quiet" key={each} lang={each} onClick={() => speak(each)}>
          {LANGUAGES[each]}
        </button>
      ))}
    </>
  );
}
