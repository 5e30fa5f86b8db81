/** What stands between a person and a service that lets in only some: signing in, or a token. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Account } from "../upload/account.ts";
import type { Connection } from "../upload/connection.ts";

interface Props {
  readonly connection: Connection;
  readonly account: Account;
  /** Whether files wait for it. */
  readonly busy: boolean;
}

export function Admission({ connection, account, busy }: Props): JSX.Element {
  if (!account.isOffered) return <TokenForm class="banner" connection={connection} />;
  return (
    <section class="banner" aria-label="Sign in">
      <p role="alert">{account.trouble || sayWhy(account)}</p>
      {busy && (
        <p class="note">
          Signing in leaves this page. Choose the same files again afterwards: large ones go on
          where they were, and what has arrived is not sent twice.
        </p>
      )}
      <button type="button" onClick={() => void account.begin()}>
        Sign in
      </button>
      <details>
        <summary>I have an access token</summary>
        <TokenForm connection={connection} />
      </details>
    </section>
  );
}

function sayWhy(account: Account): string {
  return account.token === null
    ? "This service is for those who sign in."
    : "Your sign-in has ended.";
}

/** Forgets who somebody is; nothing where nobody has signed in. */
export function SignOut({ account }: Pick<Props, "account">): JSX.Element | null {
  if (account.token === null) return null;
  return (
    <button type="button" class="sign-out" onClick={() => void account.signOut()}>
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
          ? "This service needs an access token:"
          : "The service does not take this token; another access token:"}{" "}
        <input
          type="password"
          autocomplete="off"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
      </label>{" "}
      <button type="submit">Go on</button>
    </form>
  );
}
