import { describe, expect, it } from "vitest";

import { EMPTY, merge, OrderStore } from "./orders";
import type { LiveOrder, Status } from "./types";

function order(id: number, version = 1, status: Status = "PENDING"): LiveOrder {
  const createdAt = new Date(1_700_000_000_000 + id * 1000).toISOString();
  return {
    orderId: `order-${id}`,
    status,
    version,
    items: [],
    totalAmount: 1,
    currency: "USD",
    cancellationReason: null,
    failure: null,
    trackingNumber: null,
    needsAttention: null,
    createdAt,
    updatedAt: createdAt,
  };
}

const ids = (rows: readonly LiveOrder[]) => rows.map((row) => row.orderId);

/** A store whose frames are drawn by hand. */
function store(): { orders: OrderStore; draw: () => number; seen: () => number } {
  const frames: (() => void)[] = [];
  const orders = new OrderStore((apply) => frames.push(apply));
  let seen = 0;
  orders.subscribe(() => seen++);
  const draw = () => {
    const due = frames.splice(0);
    for (const apply of due) apply();
    return due.length;
  };
  return { orders, draw, seen: () => seen };
}

describe("merging", () => {
  it("puts new orders where their times say, the newest first", () => {
    const rows = merge(merge(EMPTY, [order(2), order(4)]), [order(3), order(1), order(5)]).rows;
    expect(ids(rows)).toEqual(["order-5", "order-4", "order-3", "order-2", "order-1"]);
  });

  it("never lets an older version replace a newer one, and the same version changes nothing", () => {
    const before = merge(EMPTY, [order(1, 5, "PAID")]);
    expect(merge(before, [order(1, 4, "RESERVED")])).toBe(before);
    expect(merge(before, [order(1, 5, "RESERVED")])).toBe(before);
    expect(merge(before, [order(1, 6, "SHIPPED")]).rows[0]?.status).toBe("SHIPPED");
  });

  it("takes the latest of several states of a new order in one frame", () => {
    const after = merge(EMPTY, [order(1, 1), order(1, 3, "PAID"), order(1, 2, "RESERVED")]);
    expect(after.rows.map((row) => row.status)).toEqual(["PAID"]);
    expect(after.byId.size).toBe(1);
  });

  it("keeps so many of the newest and says that it is full", () => {
    const after = merge(EMPTY, [1, 2, 3, 4].map((id) => order(id)), 3);
    expect(ids(after.rows)).toEqual(["order-4", "order-3", "order-2"]);
    expect([...after.byId.keys()].sort()).toEqual(["order-2", "order-3", "order-4"]);
    expect(after.full).toBe(true);
  });
});

describe("the store", () => {
  it("applies all that came between two drawn frames at once", () => {
    const { orders, draw, seen } = store();
    for (let version = 1; version <= 500; version++) orders.update([order(version % 50, version)], 2);
    expect(seen()).toBe(0);
    expect(draw()).toBe(1);
    expect(seen()).toBe(1);
    expect(orders.state.rows.length).toBe(50);
    expect(orders.state.changes).toBe(500);
    expect(orders.state.merged).toBe(1000);
  });

  it("keeps the newest of the states that wait to be drawn, in whatever order they came", () => {
    const { orders, draw } = store();
    orders.update([order(1, 3, "PAID")]);
    orders.update([order(1, 2, "RESERVED")]);
    draw();
    expect(orders.state.rows.map((row) => row.version)).toEqual([3]);
  });

  it("starts afresh with a snapshot, whatever was known or waits", () => {
    const { orders, draw } = store();
    orders.update([order(1, 9)]);
    draw();
    orders.update([order(2, 9)]);
    orders.replace([order(1, 3, "PAID")]);
    draw();
    expect(orders.state.rows.map((row) => [row.orderId, row.version])).toEqual([["order-1", 3]]);
    expect(orders.state.epoch).toBe(1);
  });
});
