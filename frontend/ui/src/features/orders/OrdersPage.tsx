/** The live table of orders. Filters look at what is here; older orders are fetched when asked for. */

import { useDeferredValue, useMemo, useState } from "react";

import { Empty, Failed, Loading, Page } from "../../components/page";
import { api } from "../../lib/api";
import { count } from "../../lib/format";
import { answer, given } from "../../lib/http";
import { feed } from "../../lib/live";
import { useObservable } from "../../lib/observable";
import { MOST } from "../../lib/orders";
import { type LiveOrder, type Status, STATUSES } from "../../lib/types";
import { OrderTable } from "./OrderTable";
import { wanted } from "./filter";

export function OrdersPage() {
  const live = useObservable(feed.orders);
  const link = useObservable(feed.link);
  const [status, setStatus] = useState<Status | "">("");
  const [text, setText] = useState("");
  const [held, setHeld] = useState<readonly LiveOrder[] | null>(null);
  const older = useOlder(status);
  const rows = held ?? live.rows;
  const sought = useDeferredValue(text);
  const shown = useMemo(() => wanted(rows, { status, text: sought }), [rows, status, sought]);
  return (
    <Page title="Orders">
      <div className="filters" role="search" aria-label="Orders">
        <label>
          Status
          <select value={status} onChange={(event) => setStatus(event.target.value as Status | "")}>
            <option value="">All</option>
            {STATUSES.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <label className="grow">
          Find
          <input
            type="search"
            value={text}
            placeholder="order id, product, tracking number, reason"
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        <button type="button" aria-pressed={held !== null} onClick={() => setHeld(held ? null : live.rows)}>
          {held ? "Go on" : "Hold still"}
        </button>
      </div>
      <p className="counts">
        <span>
          {count(shown.length)} of {count(rows.length)} orders here
        </span>
        {live.merged > 0 && <span>{count(live.merged)} {live.merged === 1 ? "state" : "states"} merged: each row is its order’s latest</span>}
        {live.full && <span>only the latest {count(MOST)} are kept</span>}
        {held && <span className="warn-text">held still; changes go on behind it</span>}
      </p>
      {shown.length > 0 ? (
        <OrderTable orders={shown} />
      ) : link.is === "connecting" ? (
        <Loading what="orders" />
      ) : (
        <Empty>
          {rows.length ? "None of the orders here is like that." : "No orders yet. Place one in the Shop, and watch it here."}
        </Empty>
      )}
      {older.error !== null && <Failed error={older.error} />}
      {rows.length > 0 && !held && (
        <button type="button" disabled={older.busy || older.done || live.full} onClick={() => void older.load(rows)}>
          {older.done ? "No older ones" : older.busy ? "Loading…" : `Load older${status ? ` ${status}` : ""}`}
        </button>
      )}
    </Page>
  );
}

/** Fetches what came before the oldest that is here, a page at a time. */
function useOlder(status: Status | "") {
  const [busy, setBusy] = useState(false);
  const [finished, setFinished] = useState<string | null>(null); // for which status
  const [error, setError] = useState<unknown>(null);

  async function load(rows: readonly LiveOrder[]) {
    setBusy(true);
    setError(null);
    try {
      const oldest = rows.filter((row) => !status || row.status === status).at(-1);
      const query = given({ limit: 100, status, createdBefore: oldest?.createdAt });
      const page = await answer(api.GET("/api/v1/orders", { params: { query } }));
      // Any state that the feed tells of is a later one than that of a list which has no versions.
      feed.orders.update(page.results.map((order) => ({ ...order, version: 0 })));
      if (!page.next) setFinished(status);
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  }

  return { load, busy, error, done: finished === status };
}
