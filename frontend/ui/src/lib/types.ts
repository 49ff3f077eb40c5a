/** The shapes of the API and of the live feed. Amounts are in major units, times ISO 8601 in UTC. */

export const STATUSES = [
  "PENDING",
  "RESERVED",
  "PAID",
  "SHIPPED",
  "COMPLETED",
  "DELIVERED",
  "CANCELLING",
  "CANCELLED",
] as const;
export type Status = (typeof STATUSES)[number];
export const ENDED: ReadonlySet<string> = new Set(["COMPLETED", "DELIVERED", "CANCELLED"]);

export type Line = { sku: string; quantity: number; unitPrice: number };

export type Order = {
  orderId: string;
  status: Status;
  items: Line[];
  totalAmount: number;
  currency: string;
  cancellationReason: string | null;
  failure: string | null;
  trackingNumber: string | null;
  needsAttention: string | null;
  createdAt: string;
  updatedAt: string;
};

/** As the live feed has it: `version` grows with each change. */
export type LiveOrder = Order & { version: number };

export type Product = { sku: string; name: string; price: number; currency: string; available: number };
export type Page<T> = { results: T[]; next: string | null };

export type ServiceName = "orders" | "inventory" | "payments" | "shipping";
export const SERVICES: readonly ServiceName[] = ["orders", "inventory", "payments", "shipping"];

export type TimelineEvent = {
  eventId: string;
  eventType: string;
  service: ServiceName;
  timestamp: string;
  seenAt: string;
  causationId: string | null;
};
export type Timeline = { orderId: string; events: TimelineEvent[] };

export type Finding = {
  service: string;
  what: string;
  since: string | null;
  cause: string;
  action: string;
  deadLetter: string | null;
};
export type Diagnosis = { orderId: string; status: Status; findings: Finding[] };

export type Deed = { at: string; did: string; by: string; reason?: string; error?: string };
export const OPEN_LETTERS: ReadonlySet<string> = new Set(["FAILED", "WAITING", "QUARANTINED"]);
export const LETTER_STATUSES = [...OPEN_LETTERS, "REPLAYED", "DISCARDED"];
export type DeadLetter = {
  id: string;
  service: ServiceName;
  status: string;
  type: string;
  key: string;
  place: number;
  error: string;
  attempts: number;
  topic: string;
  partition: number;
  offset: number;
  parkedAt: string;
  closedAt: string | null;
  edited: boolean;
  history: Deed[];
  content: string;
};
export type DeadLetterDetail = DeadLetter & { payload: unknown; bytes: string };
export type DryRun = {
  error: string | null;
  events: { eventType: string; payload: unknown }[];
  before: unknown;
  after: unknown;
};
export type Replayed = { taken: string[]; left: number; failed: string | null; error: string | null };

/** What one service is at; null is "not known". */
export type ServiceState = {
  name: ServiceName;
  consumers: number | null;
  lagMessages: number | null;
  lagSeconds: number | null;
  outboxDepth: number | null;
  outboxSeconds: number | null;
  deadLetters: number | null;
  pending: number | null;
  publishedPerSecond: number | null;
};
export type Breaker = { service: string; party: string; state: "closed" | "half-open" | "open" };
export type Pipeline = {
  at: string;
  services: ServiceState[];
  breakers: Breaker[];
  relays: { service: string; held: boolean }[];
  orders: {
    placedPerSecond: number | null;
    completedPerSecond: number | null;
    cancelledPerSecond: number | null;
    inFlight: number | null;
  };
  latency: { p50: number | null; p95: number | null; p99: number | null; count: number };
  audit: { at: string; violations: number; orders: number; seconds: number; whole: boolean } | null;
  sources: Record<string, boolean>;
};

export type Frame =
  | { type: "snapshot"; at: string; orders: LiveOrder[]; pipeline: Pipeline | null }
  | { type: "order.updated"; order: LiveOrder }
  | { type: "orders.updated"; orders: LiveOrder[]; skipped: number }
  | ({ type: "pipeline.stats" } & Pipeline);
