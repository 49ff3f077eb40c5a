import { afterEach, expect, it, vi } from "vitest";

import { anonymous, answer, given, Problem } from "./http";

vi.hoisted(() => vi.stubGlobal("location", new URL("http://127.0.0.1:3000"))); // as on a page
afterEach(() => vi.unstubAllGlobals());

/** A server with one answer to everything, and what it is asked. */
function server(status: number, body: string): Request[] {
  const asked: Request[] = [];
  vi.stubGlobal("fetch", (request: Request) => {
    asked.push(request);
    return Promise.resolve(new Response(body, { status }));
  });
  return asked;
}

const products = () => answer(anonymous.GET("/api/v1/products"));

it("asks by the description's paths and parameters", async () => {
  const asked = server(200, '{"orderId": "a/b", "status": "PENDING"}');
  const order = await answer(anonymous.GET("/api/v1/orders/{orderId}", { params: { path: { orderId: "a/b" }, query: { wait: 20 } } }));
  expect(order.status).toBe("PENDING");
  expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual(["GET http://127.0.0.1:3000/api/v1/orders/a%2Fb?wait=20"]);
});

it("is refused by the compiler where it asks for what the API does not have", async () => {
  server(200, "[]");
  // @ts-expect-error: there is no such path
  await answer(anonymous.GET("/api/v1/nothing"));
  // @ts-expect-error: there is no such method
  await answer(anonymous.POST("/api/v1/products"));
  // @ts-expect-error: there is no such parameter
  await answer(anonymous.GET("/api/v1/orders", { params: { query: { state: "PAID" } } }));
  // @ts-expect-error: there is no such status
  await answer(anonymous.GET("/api/v1/orders", { params: { query: { status: "LOST" } } }));
  // @ts-expect-error: a field is missing
  await answer(anonymous.POST("/api/v1/auth/token", { body: { username: "alice" } }));
  // @ts-expect-error: there is no such field in the answer
  expect((await products())[0]?.colour).toBe(undefined);
});

it("raises the problem that the API tells of, with the fields at fault", async () => {
  const errors = [{ field: "items[0].sku", detail: "Is not sold." }];
  server(400, JSON.stringify({ type: "/problems/validation", title: "Bad", status: 400, errors }));
  const problem = await products().catch((error: unknown) => error);
  expect(problem).toBeInstanceOf(Problem);
  expect(problem).toMatchObject({ status: 400, type: "/problems/validation", message: "Bad. items[0].sku: Is not sold." });
});

it.each([
  [502, "<html>", "The server answered what is no JSON"],
  [503, "", "The server answered what is no JSON"],
])("takes a %i with %j for a problem that passes", async (status, body, message) => {
  server(status, body);
  await expect(products()).rejects.toMatchObject({ status, message, isPassing: true });
});

it("says when no answer comes, but not of a request that was given up", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  await expect(products()).rejects.toMatchObject({ status: 0, message: "The server does not answer", isPassing: true });
  vi.stubGlobal("fetch", (request: Request) => Promise.reject(request.signal.reason));
  const signal = AbortSignal.abort();
  await expect(answer(anonymous.GET("/api/v1/products", { signal }))).rejects.toMatchObject({ name: "AbortError" });
});

it("leaves empty parameters out", () => {
  expect(given({ limit: 100, status: "", cursor: null, createdBefore: undefined, key: "k" })).toEqual({ limit: 100, key: "k" });
});
