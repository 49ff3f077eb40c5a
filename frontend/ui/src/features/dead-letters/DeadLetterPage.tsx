import { useState } from "react";
import { Link, useParams } from "react-router";

import { Dialog } from "../../components/dialog";
import { Json } from "../../components/json";
import { Empty, Failed, Loading, Page, Section } from "../../components/page";
import { short, time } from "../../lib/format";
import { Problem } from "../../lib/http";
import type { User } from "../../lib/session";
import { type DryRun, OPEN_LETTERS, type Replayed, type WholeDeadLetter } from "../../lib/types";
import { discard, dryRun, replay, useLetter } from "./api";
import { difference } from "./difference";

export function DeadLetterPage({ user }: { user: User }) {
  const { id = "" } = useParams();
  const { data: letter, isPending, error, refetch } = useLetter(id);
  if (!letter)
    return (
      <Page title="Dead letter">
        {isPending && <Loading what="the letter" />}
        {error instanceof Problem && error.status === 404 ? (
          <Empty>
            There is no dead letter {id}. <Link to="/dead-letters">All of them</Link>
          </Empty>
        ) : (
          error && <Failed error={error} retry={() => void refetch()} />
        )}
      </Page>
    );
  const isOpen = OPEN_LETTERS.has(letter.status);
  return (
    <Page
      title={`Dead letter ${letter.type || "without a type"}`}
      heading={letter.type || "Without a type"}
      aside={
        <span role="status" aria-label="Status" className={`pill ${letter.status === "FAILED" ? "bad" : "off"}`}>
          {letter.status}
        </span>
      }
    >
      {error && <Failed error={error} retry={() => void refetch()} />}
      <Facts letter={letter} />
      {letter.error && (
        <Section title="Error">
          <Json value={letter.error} label="Error" />
        </Section>
      )}
      {isOpen && user.scopes.has("dead-letters:change") && <Deeds letter={letter} onDone={() => void refetch()} />}
      <div className="columns">
        <Section title="Message" aside={letter.edited ? <span className="muted">edited</span> : null}>
          <Json value={letter.content} label="Message" />
        </Section>
        <Section title="History">
          {letter.history.length === 0 && <Empty>Nobody has touched it.</Empty>}
          <ul className="findings">
            {letter.history.map((deed) => (
              <li key={`${deed.at} ${deed.did}`}>
                <p>
                  <strong>{deed.did}</strong> by {deed.by}, {time(deed.at)}
                </p>
                {deed.reason && <p className="muted">{deed.reason}</p>}
                {deed.error && <p className="warn-text">{deed.error}</p>}
              </li>
            ))}
          </ul>
        </Section>
      </div>
    </Page>
  );
}

function Facts({ letter }: { letter: WholeDeadLetter }) {
  return (
    <dl className="facts">
      <div>
        <dt>Service</dt>
        <dd>{letter.service}</dd>
      </div>
      <div>
        <dt>Order or product</dt>
        <dd>{letter.key ? <Link to={`/orders/${encodeURIComponent(letter.key)}`}>{short(letter.key)}</Link> : "none"}</dd>
      </div>
      <div>
        <dt>From</dt>
        <dd>
          {letter.topic} {letter.partition}/{letter.offset}
        </dd>
      </div>
      <div>
        <dt>Set aside</dt>
        <dd>{time(letter.parkedAt)}</dd>
      </div>
      <div>
        <dt>Tries</dt>
        <dd>{letter.attempts}</dd>
      </div>
      {letter.closedAt && (
        <div>
          <dt>Closed</dt>
          <dd>{time(letter.closedAt)}</dd>
        </div>
      )}
    </dl>
  );
}

type Outcome = { is: "tried"; of: DryRun } | { is: "replayed"; of: Replayed } | { is: "failed"; error: unknown } | null;

function Deeds({ letter, onDone }: { letter: WholeDeadLetter; onDone: () => void }) {
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState<"replay" | "discard" | null>(null);
  const [outcome, setOutcome] = useState<Outcome>(null);

  async function attempt(deed: () => Promise<Outcome>) {
    setBusy(true);
    setAsking(null);
    setOutcome(await deed().catch((error: unknown) => ({ is: "failed" as const, error })));
    setBusy(false);
    onDone();
  }

  const carryOut = (reason: string) =>
    attempt(async () => {
      if (asking === "replay") return { is: "replayed", of: await replay(letter.id, reason) };
      await discard(letter.id, reason);
      return null;
    });

  return (
    <Section
      title="What to do"
      aside={
        <div className="buttons">
          <button type="button" disabled={busy} onClick={() => void attempt(async () => ({ is: "tried", of: await dryRun(letter.id) }))}>
            Dry run
          </button>
          <button type="button" className="primary" disabled={busy} onClick={() => setAsking("replay")}>
            Replay…
          </button>
          <button type="button" className="danger" disabled={busy} onClick={() => setAsking("discard")}>
            Discard…
          </button>
        </div>
      }
    >
      <div role="status">
        {!outcome && <Empty>A dry run says what a replay would do, and writes nothing.</Empty>}
        {outcome?.is === "failed" && <Failed error={outcome.error} />}
        {outcome?.is === "tried" && <Tried run={outcome.of} />}
        {outcome?.is === "replayed" && <Taken done={outcome.of} />}
      </div>
      {asking && (
        <Dialog title={asking === "replay" ? "Replay its chain?" : "Discard this letter?"} onClose={() => setAsking(null)}>
          <form
            className="stack"
            onSubmit={(event) => {
              event.preventDefault();
              void carryOut(String(new FormData(event.currentTarget).get("reason") ?? ""));
            }}
          >
            <p>
              {asking === "replay"
                ? "It is tried again, and what waits behind it follows, in order."
                : "Its effect is lost for good. What waits behind it can be replayed then."}
            </p>
            <label>
              Reason
              <input name="reason" maxLength={500} required={asking === "discard"} />
            </label>
            <div className="buttons">
              <button type="button" onClick={() => setAsking(null)}>
                Not now
              </button>
              <button type="submit" className={asking === "replay" ? "primary" : "danger"}>
                {asking === "replay" ? "Replay" : "Discard"}
              </button>
            </div>
          </form>
        </Dialog>
      )}
    </Section>
  );
}

function Taken({ done }: { done: Replayed }) {
  if (done.failed) return <p className="warn-text">It failed again: {done.error}</p>;
  return (
    <p>
      Replayed: {done.taken.length} taken, {done.left} left.
    </p>
  );
}

function Tried({ run }: { run: DryRun }) {
  const changes = difference(run.before, run.after);
  if (run.error) return <p className="warn-text">It would fail again: {run.error}</p>;
  return (
    <>
      <p>{run.events.length ? `It would publish ${run.events.map((event) => event.eventType).join(", ")}.` : "It would publish nothing."}</p>
      {changes.length === 0 ? (
        <Empty>Its state would stay as it is.</Empty>
      ) : (
        <div className="table-wrap" tabIndex={0} role="region" aria-label="What would change">
          <table>
            <thead>
              <tr>
                <th scope="col">State</th>
                <th scope="col">Before</th>
                <th scope="col">After</th>
              </tr>
            </thead>
            <tbody>
              {changes.map((change) => (
                <tr key={change.path}>
                  <th scope="row">
                    <code>{change.path}</code>
                  </th>
                  <td>
                    <code>{change.before || "–"}</code>
                  </td>
                  <td>
                    <code>{change.after || "–"}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
