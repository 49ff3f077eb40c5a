import { expect, it } from "vitest";

import { extended, NO_HISTORY } from "./history";
import type { Pipeline } from "./types";

function stats(second: number, placed: number | null): Pipeline {
  return {
    at: new Date(second * 1000).toISOString(),
    services: [],
    breakers: [],
    relays: [],
    orders: { placedPerSecond: placed, completedPerSecond: 0, cancelledPerSecond: 0, inFlight: 0 },
    latency: { p50: null, p95: null, p99: null, count: 0 },
    audit: null,
    sources: { mongo: true, kafka: true, projection: true },
  };
}

it("keeps ten minutes", () => {
  let history = NO_HISTORY;
  for (let second = 1; second <= 700; second++) history = extended(history, stats(second, second));
  expect(history.at.length).toBe(600);
  expect([history.at[0], history.at.at(-1)]).toEqual([101, 700]);
  expect([history.placed[0], history.placed.at(-1)]).toEqual([101, 700]);
});

it("forgets what was before a gap that is longer, and takes nothing of an earlier time", () => {
  const history = extended(extended(NO_HISTORY, stats(1, 1)), stats(1000, null));
  expect(history.placed).toEqual([null]);
  expect(extended(history, stats(999, 5))).toBe(history);
});
