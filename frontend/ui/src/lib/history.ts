/** Ten minutes of the pipeline's figures, as uPlot takes them: columns, the first the time in seconds. */

import type { Pipeline } from "./types";

const SECONDS = 600;
type Column = (number | null)[];
export type History = { at: number[]; placed: Column; completed: Column; cancelled: Column; p50: Column; p95: Column; p99: Column };

export const NO_HISTORY: History = { at: [], placed: [], completed: [], cancelled: [], p50: [], p95: [], p99: [] };

/** With one more second; what is older than ten minutes goes. A figure of an earlier time than the last changes nothing. */
export function extended(history: History, stats: Pipeline): History {
  const at = Date.parse(stats.at) / 1000;
  const last = history.at.at(-1);
  if (last !== undefined && at <= last) return history;
  const from = history.at.findIndex((each) => each > at - SECONDS);
  const kept = (column: Column, value: number | null): Column => [...(from < 0 ? [] : column.slice(from)), value];
  return {
    at: kept(history.at, at) as number[],
    placed: kept(history.placed, stats.orders.placedPerSecond),
    completed: kept(history.completed, stats.orders.completedPerSecond),
    cancelled: kept(history.cancelled, stats.orders.cancelledPerSecond),
    p50: kept(history.p50, stats.latency.p50),
    p95: kept(history.p95, stats.latency.p95),
    p99: kept(history.p99, stats.latency.p99),
  };
}
