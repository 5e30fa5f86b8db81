/** Signing in, or entering an access token, at a service that requires it. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Connection } from "../connection.ts";
import type { Session } from "../session.ts";

interface Props {
  readonly connection: Connection;
  readonly session: Session;
  /** Whether files are waiting for the sign-in. */
  readonly isBusy: boolean;
}

export function SignIn({ connection, session, isBusy }: Props): JSX.Element {
  if (!session.isOffered) return <TokenForm class="banner" connection={connection} />;
  return (
    <section class="banner" aria-label="Sign in">
      <p role="alert">{session.error || describe(session)}</p>
      {isBusy && (
        <p class="note">
          Signing in leaves this page. Choose the same files again afterwards: large uploads resume
          where they stopped, and files that are already stored are not uploaded twice.
        </p>
      )}
      <button type="button" onClick={() => void session.begin()}>
        Sign in
      </button>
      <details>
        <summary>Use an access token instead</summary>
        <TokenForm connection={connection} />
      </details>
    </section>
  );
}

function describe(session: Session): string {
  return session.token === null
    ? "Sign in to use this service."
    : "Your session has expired. Sign in again to continue.";
}

/** The button that signs out; nothing if nobody is signed in. */
export function SignOut({ session }: Pick<Props, "session">): JSX.Element | null {
  if (session.token === null) return null;
  return (
    <button type="button" class="sign-out" onClick={() => void session.signOut()}>
      Sign out
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
        {connection.token() === null
          ? "Enter an access token to use this service:"
          : "The service did not accept this token. Enter another access token:"}{" "}
        <input
          type="password"
          autocomplete="off"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
      </label>{" "}
      <button type="submit">Continue</button>
    </form>
  );
}
