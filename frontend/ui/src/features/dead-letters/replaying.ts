/** Replaying many: one chain first, then ten, then the rest; it stops at the first that fails again. */

import type { DeadLetter, Replayed } from "../../lib/types";

export type Progress = {
  chains: number;
  done: number;
  letters: number; // taken, over all chains
  stage: "canary" | "ten" | "all";
  state: "running" | "stopped" | "finished";
  failed: { id: string; error: string } | null;
};

/** A letter of each chain: those of one service and key are replayed together, in order, by asking for any of them. */
export function chainsOf(letters: readonly DeadLetter[]): DeadLetter[] {
  const chains = new Map<string, DeadLetter>();
  for (const letter of letters) {
    const chain = letter.key ? `${letter.service} ${letter.key}` : letter.id;
    const known = chains.get(chain);
    if (!known || letter.place < known.place) chains.set(chain, letter);
  }
  return [...chains.values()].sort((one, other) => Date.parse(one.parkedAt) - Date.parse(other.parkedAt));
}

/** Replays each, one after another, and tells of each step. Ends early where one fails again or cannot be asked, or when told. */
export async function replayAll(
  chains: readonly DeadLetter[],
  replay: (id: string) => Promise<Replayed>,
  tell: (progress: Progress) => void,
  isStopped: () => boolean = () => false,
): Promise<Progress> {
  let progress: Progress = { chains: chains.length, done: 0, letters: 0, stage: "canary", state: "running", failed: null };
  const step = (change: Partial<Progress>) => {
    progress = { ...progress, ...change };
    tell(progress);
    return progress;
  };
  step({});
  for (const [index, letter] of chains.entries()) {
    if (isStopped()) return step({ state: "stopped" });
    step({ stage: index < 1 ? "canary" : index < 11 ? "ten" : "all" });
    try {
      const { taken, failed, error } = await replay(letter.id);
      step({ letters: progress.letters + taken.length });
      if (failed) return step({ state: "stopped", failed: { id: failed, error: error ?? "" } });
      step({ done: progress.done + 1 });
    } catch (error) {
      return step({ state: "stopped", failed: { id: letter.id, error: error instanceof Error ? error.message : String(error) } });
    }
  }
  return step({ state: "finished" });
}
