import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { Session } from "./session";

vi.hoisted(() => vi.stubGlobal("location", new URL("http://127.0.0.1:3000"))); // as on a page

let kept: Map<string, string>;
let asked: string[];

/** A server's tokens for alice, that live for so many seconds. */
function tokens(number: number, seconds = 300): { access: string; refresh: string } {
  const claims = { sub: "u1", username: "alice", is_staff: false, scope: "", iat: 1000, exp: 1000 + seconds };
  return { access: `h.${btoa(JSON.stringify(claims))}.s${number}`, refresh: `refresh-${number}` };
}

beforeEach(() => {
  kept = new Map();
  asked = [];
  vi.stubGlobal("window", globalThis);
  vi.stubGlobal("sessionStorage", {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => kept.set(name, value),
    removeItem: (name: string) => kept.delete(name),
  });
});
afterEach(() => vi.unstubAllGlobals());

/** A server that answers each request in its turn. */
function server(...answers: [number, unknown][]) {
  vi.stubGlobal("fetch", async (request: Request) => {
    const headers = ["Authorization", "Idempotency-Key"].map((name) => request.headers.get(name));
    asked.push([new URL(request.url).pathname, ...headers, await request.text()].filter(Boolean).join(" "));
    const [status, answer] = answers.shift() ?? [500, {}];
    return new Response(JSON.stringify(answer), { status });
  });
}

it("asks for new tokens once, however many need one at the same time", async () => {
  server([200, tokens(1, 20)], [200, tokens(2)]); // the first ends too soon to be used
  const session = new Session();
  await session.signIn("alice", "secret");
  const given = await Promise.all([session.token(), session.token(), session.token()]);
  expect(new Set(given)).toEqual(new Set([tokens(2).access]));
  expect(asked.slice(1)).toEqual(['/api/v1/auth/token/refresh {"refresh":"refresh-1"}']);
  await session.signOut();
});

it("signs out when the refresh token is refused, and says so", async () => {
  server([200, tokens(1, 20)], [401, { title: "No" }]);
  const session = new Session();
  await session.signIn("alice", "secret");
  await expect(session.token()).rejects.toThrow("No");
  expect(session.state).toEqual({ is: "out", why: "Your session has ended. Sign in again." });
  expect(kept.size).toBe(0);
});

it.each([
  ["answers that it cannot now", [503, { title: "Try again" }], "Try again"],
  ["does not answer", null, "The server does not answer"],
] as const)("keeps the sign-in while the server %s", async (_, answer, said) => {
  server([200, tokens(1, 20)], ...(answer ? [[...answer] as [number, unknown]] : []));
  const session = new Session();
  await session.signIn("alice", "secret");
  if (!answer) vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  await expect(session.token()).rejects.toThrow(said);
  expect(session.state.is).toBe("in");
  expect(kept.get("refresh")).toBe("refresh-1");
  server([200, {}]);
  await session.signOut();
});

const ORDERS = "http://127.0.0.1:3000/api/v1/orders";

it("sends a request again, whole, with a new token when its token is refused", async () => {
  server([200, tokens(1)], [401, { title: "No" }], [200, tokens(2)], [201, {}], [200, {}]);
  const session = new Session();
  await session.signIn("alice", "secret");
  const request = new Request(ORDERS, { method: "POST", headers: { "Idempotency-Key": "k1" }, body: "{}" });
  expect((await session.send(request)).status).toBe(201);
  expect(asked.slice(1)).toEqual([
    `/api/v1/orders Bearer ${tokens(1).access} k1 {}`,
    '/api/v1/auth/token/refresh {"refresh":"refresh-1"}',
    `/api/v1/orders Bearer ${tokens(2).access} k1 {}`,
  ]);
  await session.signOut();
});

it("gives a second refusal to who asked", async () => {
  server([200, tokens(1)], [401, { title: "No" }], [200, tokens(2)], [401, { title: "No" }], [200, {}]);
  const session = new Session();
  await session.signIn("alice", "secret");
  expect((await session.send(new Request(ORDERS))).status).toBe(401);
  expect(asked.length).toBe(4);
  await session.signOut();
});
