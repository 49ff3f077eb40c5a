/** The orders that the live feed told of, outside of React: frames are collected and applied once a drawn frame. */

import { Observable } from "./observable";
import type { LiveOrder } from "./types";

/** `rows` are the newest first; `merged` counts the states that the server left out, `epoch` the snapshots. */
export type Orders = {
  rows: readonly LiveOrder[];
  byId: ReadonlyMap<string, LiveOrder>;
  merged: number;
  changes: number;
  epoch: number;
  full: boolean;
};

export const MOST = 5000;
export const EMPTY: Orders = { rows: [], byId: new Map(), merged: 0, changes: 0, epoch: 0, full: false };

export class OrderStore extends Observable<Orders> {
  #waiting = new Map<string, LiveOrder>();
  #merged = 0;
  #changes = 0;
  #scheduled = false;
  #schedule: (apply: () => void) => void;

  constructor(schedule: (apply: () => void) => void = (apply) => requestAnimationFrame(apply)) {
    super(EMPTY);
    this.#schedule = schedule;
  }

  /** A fresh start: what was known before is forgotten, also what waits. */
  replace(orders: readonly LiveOrder[]): void {
    this.#waiting.clear();
    const { merged, changes, epoch } = this.state;
    this.set({ ...merge(EMPTY, orders), merged, changes, epoch: epoch + 1 });
  }

  update(orders: readonly LiveOrder[], skipped = 0): void {
    for (const order of orders) {
      const waiting = this.#waiting.get(order.orderId);
      if (!waiting || waiting.version < order.version) this.#waiting.set(order.orderId, order);
    }
    this.#merged += skipped;
    this.#changes += orders.length;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(() => this.#apply());
  }

  forget(): void {
    this.#waiting.clear();
    this.set({ ...EMPTY, epoch: this.state.epoch });
  }

  #apply(): void {
    this.#scheduled = false;
    const next = merge(this.state, [...this.#waiting.values()]);
    this.set({ ...next, merged: next.merged + this.#merged, changes: next.changes + this.#changes });
    this.#waiting.clear();
    this.#merged = this.#changes = 0;
  }
}

/** The orders with others in their places. One with an older version changes nothing; of the oldest, none is kept beyond `most`. */
export function merge(before: Orders, incoming: readonly LiveOrder[], most = MOST): Orders {
  const byId = new Map(before.byId);
  const fresh: LiveOrder[] = [];
  let changed = false;
  for (const order of incoming) {
    const known = byId.get(order.orderId);
    if (known && known.version >= order.version) continue;
    byId.set(order.orderId, order);
    changed = true;
    if (!known) fresh.push(order);
  }
  if (!changed) return before;
  const current = before.rows.map((order) => byId.get(order.orderId) ?? order);
  const latest = fresh.map((order) => byId.get(order.orderId) ?? order).sort(newestFirst);
  const rows = latest.length ? interleaved(latest, current) : current;
  for (const dropped of rows.splice(most)) byId.delete(dropped.orderId);
  return { ...before, rows, byId, full: before.full || rows.length === most };
}

function newestFirst(one: LiveOrder, other: LiveOrder): number {
  return Date.parse(other.createdAt) - Date.parse(one.createdAt) || (one.orderId < other.orderId ? 1 : -1);
}

function interleaved(left: LiveOrder[], right: LiveOrder[]): LiveOrder[] {
  const rows: LiveOrder[] = [];
  let [i, j] = [0, 0];
  for (;;) {
    const [a, b] = [left[i], right[j]];
    if (!a) return rows.concat(right.slice(j));
    if (!b) return rows.concat(left.slice(i));
    if (newestFirst(a, b) <= 0) {
      rows.push(a);
      i++;
    } else {
      rows.push(b);
      j++;
    }
  }
}
