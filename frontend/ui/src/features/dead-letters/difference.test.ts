import { expect, it } from "vitest";

import { difference } from "./difference";

it("names what changed, came and went", () => {
  const before = { status: "PENDING", facts: ["A"], gone: 1, same: { deep: true } };
  const after = { status: "PAID", facts: ["A", "B"], same: { deep: true } };
  expect(difference(before, after)).toEqual([
    { path: "status", before: '"PENDING"', after: '"PAID"' },
    { path: "gone", before: "1", after: "" },
    { path: "facts[1]", before: "", after: '"B"' },
  ]);
});

it("takes nothing at all as the state of what is not there yet", () => {
  expect(difference(null, { v: 1 })).toEqual([{ path: "v", before: "", after: "1" }]);
  expect(difference({ v: null }, { v: null })).toEqual([]);
});
