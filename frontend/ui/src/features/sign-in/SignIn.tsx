import { type FormEvent, useState } from "react";

import { Failed, Page } from "../../components/page";
import { session } from "../../lib/api";

/** `why`: what ended the session before. */
export function SignIn({ why }: { why: string | null }) {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    setBusy(true);
    setError(null);
    try {
      await session.signIn(String(given.get("username")), String(given.get("password")));
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  }

  return (
    <main className="lonely">
      <Page title="Sign in" heading="Order pipeline">
        {why && !error && (
          <p className="note" role="status">
            {why}
          </p>
        )}
        <form className="card stack" onSubmit={(event) => void submit(event)}>
          <label>
            Username
            <input name="username" autoComplete="username" required maxLength={150} autoFocus />
          </label>
          <label>
            Password
            <input name="password" type="password" autoComplete="current-password" required maxLength={128} />
          </label>
          {error !== null && <Failed error={error} />}
          <button type="submit" className="primary" disabled={busy}>
            {busy ? "Signing in…" : "Sign in"}
          </button>
        </form>
        <p className="links">
          <a href="/admin/">Back office</a> <a href="/api/docs">API</a> <a href="/readyz">Readiness</a>
        </p>
      </Page>
    </main>
  );
}
