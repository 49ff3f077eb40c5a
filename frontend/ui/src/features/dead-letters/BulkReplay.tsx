import { useRef, useState } from "react";
import { Link } from "react-router";

import { Dialog } from "../../components/dialog";
import { count } from "../../lib/format";
import { type DeadLetter, OPEN_LETTERS } from "../../lib/types";
import { replay } from "./api";
import { chainsOf, type Progress, replayAll } from "./replaying";

const STAGE = { canary: "The first one, alone", ten: "The next ten", all: "The rest" };

/** Replays all that are listed and open, with how far it is. */
export function BulkReplay({ letters, onDone }: { letters: readonly DeadLetter[]; onDone: () => void }) {
  const [asking, setAsking] = useState(false);
  const [progress, setProgress] = useState<Progress | null>(null);
  const stopped = useRef(false);
  const open = letters.filter(({ status }) => OPEN_LETTERS.has(status));
  const chains = chainsOf(open);
  const isRunning = progress?.state === "running";

  async function run(reason: string) {
    setAsking(false);
    stopped.current = false;
    await replayAll(chains, (id) => replay(id, reason), setProgress, () => stopped.current);
    onDone();
  }

  return (
    <div className="bulk">
      {!isRunning && open.length > 0 && (
        <button type="button" onClick={() => setAsking(true)}>
          Replay all {count(open.length)} listed…
        </button>
      )}
      {progress && <Shown progress={progress} onStop={() => (stopped.current = true)} />}
      {asking && (
        <Dialog title={`Replay ${count(open.length)} letters?`} onClose={() => setAsking(false)}>
          <form
            className="stack"
            onSubmit={(event) => {
              event.preventDefault();
              void run(String(new FormData(event.currentTarget).get("reason") ?? ""));
            }}
          >
            <p>
              They are in {count(chains.length)} {chains.length === 1 ? "chain" : "chains"}. The first is tried alone, then ten, then
              the rest; it stops at the first that fails again.
            </p>
            <label>
              Reason
              <input name="reason" maxLength={500} placeholder="what was mended" />
            </label>
            <div className="buttons">
              <button type="button" onClick={() => setAsking(false)}>
                Not now
              </button>
              <button type="submit" className="primary">
                Replay
              </button>
            </div>
          </form>
        </Dialog>
      )}
    </div>
  );
}

function Shown({ progress, onStop }: { progress: Progress; onStop: () => void }) {
  const { chains, done, letters, stage, state, failed } = progress;
  return (
    <div className="progress">
      <progress value={done} max={Math.max(chains, 1)} aria-label="Chains replayed" />
      <p role="status">
        {state === "running" && `${STAGE[stage]}: `}
        {state === "finished" && "All replayed: "}
        {state === "stopped" && "Stopped: "}
        {count(done)} of {count(chains)} chains, {count(letters)} letters taken.{" "}
        {failed && (
          <>
            <Link to={`/dead-letters/${encodeURIComponent(failed.id)}`}>One failed again</Link>: {failed.error}
          </>
        )}
      </p>
      {state === "running" && (
        <button type="button" onClick={onStop}>
          Stop
        </button>
      )}
    </div>
  );
}
