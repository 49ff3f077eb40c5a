import { useObservable } from "../lib/observable";
import { feed } from "../lib/live";
import { time } from "../lib/format";

/** Whether what is shown is live, in the header. */
export function LinkState() {
  const link = useObservable(feed.link);
  const tone = link.is === "live" ? "good" : link.is === "stale" ? "bad" : "going";
  const word = { live: "Live", connecting: "Connecting", stale: "Stale" }[link.is];
  return <span className={`pill ${tone}`}>{word}</span>;
}

/** And said in full, while it is not. */
export function StaleNotice() {
  const link = useObservable(feed.link);
  return (
    <div role="status" aria-live="polite">
      {link.is === "stale" && (
        <p className="stale">
          {link.since
            ? `Stale since ${time(link.since)}. What you see is from then; reconnecting.`
            : "Stale: no connection to the server yet; trying again."}
        </p>
      )}
    </div>
  );
}
