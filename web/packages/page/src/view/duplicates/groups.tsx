/** The groups of duplicates that waste most, with some of their copies. */

import type {
  Client,
  Copy,
  DuplicateGroup,
  DuplicateGroups,
  DuplicateKind,
  Duplicates,
  GroupCopy,
} from "@onecopy/client";
import type { JSX } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { date } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { splitKey } from "../describe.ts";
import { Failed } from "../failed.tsx";
import { nameInText, nameText } from "../names.ts";
import { Preview } from "../preview.tsx";
import { useLoaded } from "../use-loaded.ts";
import { describeGroup, describeMoreCopies, describeWasted } from "./describe.ts";
import { Thumbnail } from "./thumbnail.tsx";

interface Props {
  readonly client: Client;
  readonly kind: DuplicateKind;
  readonly duplicates: Duplicates;
}

type Opened = Pick<Copy, "key" | "size">;

export function Groups({ client, kind, duplicates }: Props): JSX.Element {
  const [opened, setOpened] = useState<Opened | null>(null);
  const close = useCallback(() => setOpened(null), []);
  return (
    <section aria-labelledby="groups">
      <h3 id="groups">{words.duplicates.largest}</h3>
      <GroupList
        // Other figures: other groups.
        key={`${kind} ${duplicates.groups} ${duplicates.wasted_bytes}`}
        {...{ client, kind, open: setOpened }}
      />
      {opened !== null && <Preview client={client} copy={opened} close={close} />}
    </section>
  );
}

interface ListProps {
  readonly client: Client;
  readonly kind: DuplicateKind;
  readonly open: (copy: Opened) => void;
}

function GroupList({ client, kind, open }: ListProps): JSX.Element {
  const [shown, setShown] = useState<readonly DuplicateGroup[]>([]);
  const [after, setAfter] = useState<string | undefined>(undefined);
  const [attempt, setAttempt] = useState(0);
  const { value, error } = useLoaded<DuplicateGroups>(
    async (show, signal) => show(await client.duplicateGroups(kind, after, signal)),
    `${after} ${attempt}`,
  );
  useEffect(() => {
    if (value !== null) setShown((before) => [...before, ...value.groups]);
  }, [value]);
  return (
    <>
      <ol class="groups">
        {shown.map((group) => (
          <Group key={group.shared + group.size} {...{ client, group, open }} />
        ))}
      </ol>
      {error !== null && <Failed error={error} retry={() => setAttempt(attempt + 1)} />}
      {value === null && error === null && <p class="note">{words.common.loading}</p>}
      {value?.next !== undefined && (
        <button type="button" onClick={() => setAfter(value.next)}>
          {words.duplicates.more}
        </button>
      )}
    </>
  );
}

interface GroupProps {
  readonly client: Client;
  readonly group: DuplicateGroup;
  readonly open: (copy: Opened) => void;
}

function Group({ client, group, open }: GroupProps): JSX.Element {
  const more = describeMoreCopies(group);
  return (
    <li class="group" data-testid="group">
      <Thumbnail client={client} copy={group.copies[0]} size={group.size} />
      <div class="group-text">
        <p class="group-title">
          <b>{describeGroup(group)}</b> <span class="note">{describeWasted(group)}</span>
        </p>
        <ul>
          {group.copies.map((copy) => (
            <CopyLine
              key={copy.key}
              copy={copy}
              open={() => open({ key: copy.key, size: group.size })}
            />
          ))}
        </ul>
        {more !== "" && <p class="note">{more}</p>}
      </div>
    </li>
  );
}

function CopyLine({ copy, open }: { copy: GroupCopy; open: () => void }): JSX.Element {
  const { name, folder } = splitKey(copy.key);
  const text = nameInText(copy.key);
  return (
    <li class="copy">
      <span class="name" title={text}>
        <bdi>{nameText(name)}</bdi> <bdi class="folder">{nameText(folder)}</bdi>
      </span>
      {copy.storage_class && <span class="since">{copy.storage_class}</span>}
      <span class="since">{date(copy.stored_at)}</span>
      {!copy.listed && (
        <button
          type="button"
          aria-label={words.files.actions.of(words.files.actions.open, text)}
          onClick={open}
        >
          {words.files.actions.open}
        </button>
      )}
    </li>
  );
}
