/** Signing in, or entering an access token, at a service that requires it. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Connection } from "../connection.ts";
import type { Session } from "../session.ts";
import { words } from "../words/language.ts";

interface Props {
  readonly connection: Connection;
  readonly session: Session;
  /** Whether files are waiting for the sign-in. */
  readonly isBusy: boolean;
}

export function SignIn({ connection, session, isBusy }: Props): JSX.Element {
  if (!session.isOffered) return <TokenForm class="banner" connection={connection} />;
  return (
    <section class="banner" aria-label={words.signIn.title}>
      <p role="alert">{session.error || describe(session)}</p>
      {isBusy && <p class="note">{words.signIn.leaves}</p>}
      <button type="button" onClick={() => void session.begin()}>
        {words.signIn.title}
      </button>
      <details>
        <summary>{words.signIn.useToken}</summary>
        <TokenForm connection={connection} />
      </details>
    </section>
  );
}

function describe(session: Session): string {
  return session.token === null ? words.signIn.needed : words.signIn.expired;
}

/** The button that signs out; nothing if nobody is signed in. */
export function SignOut({ session }: Pick<Props, "session">): JSX.Element | null {
  if (session.token === null) return null;
  return (
    <button type="button" class="sign-out" onClick={() => void session.signOut()}>
      {words.header.signOut}
    </button>
  );
}

function TokenForm(props: { class?: string; connection: Connection }): JSX.Element {
  const { connection } = props;
  const [token, setToken] = useState("");
  return (
    <form
      class={props.class}
      onSubmit={(event) => {
        event.preventDefault();
        if (token.trim() !== "") connection.setToken(token);
      }}
    >
      <label>
        {connection.token() === null ? words.signIn.enterToken : words.signIn.tokenRefused}{" "}
        <input
          type="password"
          autocomplete="off"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
      </label>{" "}
      <button type="submit">{words.signIn.continue}</button>
    </form>
  );
}
