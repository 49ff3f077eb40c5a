import { expect, it } from "vitest";

import type { DeadLetter, Replayed, ServiceName } from "../../lib/types";
import { chainsOf, type Progress, replayAll } from "./replaying";

function letter(id: string, key: string, place = 0, service: ServiceName = "payments"): DeadLetter {
  return {
    id,
    key,
    place,
    service,
    status: "FAILED",
    type: "OrderCreated",
    error: "",
    attempts: 1,
    topic: "orders.events",
    partition: 0,
    offset: 0,
    parkedAt: new Date(1_700_000_000_000 + place).toISOString(),
    closedAt: null,
    edited: false,
    history: [],
    content: "",
  };
}

const taken = (id: string): Replayed => ({ taken: [id], left: 0, failed: null, error: null });

it("asks once for each chain, by its first letter; letters without a key are chains of their own", () => {
  const letters = [letter("b2", "b", 2), letter("b1", "b", 1), letter("b3", "b", 3, "shipping"), letter("x", "", 4), letter("y", "", 5)];
  expect(chainsOf(letters).map(({ id }) => id)).toEqual(["b1", "b3", "x", "y"]);
});

it("replays one, then ten, then the rest", async () => {
  const stages: string[] = [];
  const chains = Array.from({ length: 13 }, (_, index) => letter(`l${index}`, `k${index}`));
  const tell = ({ stage, done }: Progress) => (stages[done] = stage);
  const end = await replayAll(chains, (id) => Promise.resolve(taken(id)), tell);
  expect(stages.slice(0, 13)).toEqual(["canary", ...Array<string>(10).fill("ten"), "all", "all"]);
  expect(end).toMatchObject({ done: 13, letters: 13, state: "finished", failed: null });
});

it("stops at the one that fails again, and asks for no more", async () => {
  const asked: string[] = [];
  const replay = (id: string): Promise<Replayed> => {
    asked.push(id);
    return Promise.resolve(id === "l1" ? { taken: [], left: 2, failed: "l1", error: "no JSON" } : taken(id));
  };
  const end = await replayAll([letter("l0", "a"), letter("l1", "b"), letter("l2", "c")], replay, () => undefined);
  expect(asked).toEqual(["l0", "l1"]);
  expect(end).toMatchObject({ done: 1, state: "stopped", failed: { id: "l1", error: "no JSON" } });
});

it("stops when the server does not answer, and when it is told to", async () => {
  const away = await replayAll([letter("l0", "a")], () => Promise.reject(new Error("away")), () => undefined);
  expect(away).toMatchObject({ done: 0, state: "stopped", failed: { id: "l0", error: "away" } });
  const told = await replayAll([letter("l0", "a")], (id) => Promise.resolve(taken(id)), () => undefined, () => true);
  expect(told).toMatchObject({ done: 0, letters: 0, state: "stopped", failed: null });
});
