/** The head of the page: which store this is, what it has, and how the page looks. */

import type { Activity, Client, Config, DuplicatesSummary } from "@onecopy/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import markUrl from "../mark.svg";
import type { Session } from "../session.ts";
import { chooseTheme, chosenTheme, nextTheme, type Theme } from "../theme.ts";
import type { Uploader } from "../upload/uploader.ts";
import { count, money } from "../words/format.ts";
import { LANGUAGES, type Language, language, words } from "../words/language.ts";
import { follow } from "./duplicates/follow.ts";
import { printable } from "./names.ts";
import { SignOut } from "./sign-in.tsx";
import { LEAST_DOLLARS } from "./upload/totals.ts";
import { useChanges } from "./use-changes.ts";
import { useLoaded } from "./use-loaded.ts";

/** Between two requests for what is stored, while that is being counted. */
const MAX_DELAY_MS = 30_000;

interface Props {
  readonly client: Client;
  readonly uploader: Uploader;
  readonly session: Session;
  readonly config: Config | null;
  readonly speak: (language: Language) => void;
}

export function Header({ client, uploader, session, config, speak }: Props) {
  // What is stored and was avoided can be read by those who may read copies.
  const mayRead = config?.features.includes("link") ?? false;
  const counts = config?.features.includes("duplicates") ?? false;
  return (
    <header>
      <h1>
        <img class="logo" src={markUrl} alt="" width="28" height="28" /> onecopy
      </h1>
      {config !== null && <Store {...config.store} />}
      {mayRead && <Totals {...{ client, uploader, counts }} />}
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

type TotalsProps = Pick<Props, "client" | "uploader"> & {
  /** Whether the service counts what is stored. */
  readonly counts: boolean;
};

/** What is stored, and what was avoided: again after each run. */
function Totals({ client, uploader, counts }: TotalsProps): JSX.Element {
  useChanges(uploader.subscribe);
  const runs = String(uploader.runs);
  const activity = useLoaded<Activity>(
    async (show, signal) => show(await client.activity(signal)),
    runs,
  );
  const summary = useLoaded<DuplicatesSummary>(async (show, signal) => {
    const showAll = (found: DuplicatesSummary) => {
      if (found.as_of !== undefined && !found.partial) show(found);
    };
    if (counts) await follow(client, showAll, signal, MAX_DELAY_MS);
  }, runs);
  const parts = [describeStored(summary.value), describeAvoided(activity.value)];
  return <span class="totals">{parts.filter((part) => part !== "").join(" · ")}</span>;
}

function describeStored(summary: DuplicatesSummary | null): string {
  const files = summary?.files ?? 0;
  return files === 0 ? "" : words.header.stored(files, count(files));
}

function describeAvoided(activity: Activity | null): string {
  const { avoided_files: files = 0, saved_per_month: saved = 0 } = activity?.total ?? {};
  if (files === 0) return "";
  return words.header.avoided(files, count(files), saved < LEAST_DOLLARS ? "" : money(saved));
}

const SIGNS: Readonly<Record<Theme, string>> = { system: "◐", light: "☀", dark: "☾" };

/** A button that goes from one theme to the next. */
function ThemeSwitch(): JSX.Element {
  const [theme, setTheme] = useState(() => chosenTheme(localStorage));
  const change = () => {
    const next = nextTheme(theme, matchMedia("(prefers-color-scheme: dark)").matches);
    chooseTheme(localStorage, next);
    setTheme(next);
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
