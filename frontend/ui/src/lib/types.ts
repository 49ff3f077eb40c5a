/** The API's shapes, and the live feed's, which are made of them. Amounts are in major units, times ISO 8601 in UTC. */

import { type components, deadLetterStatusValues, orderStatusValues, pipelineServiceNameValues } from "../api/schema";

type Schemas = components["schemas"];

export type Order = Schemas["Order"];
export type Status = Order["status"];
export const STATUSES = orderStatusValues;
export const ENDED: ReadonlySet<Status> = new Set<Status>(["COMPLETED", "DELIVERED", "CANCELLED"]);

export type Product = Schemas["Product"];
export type PlaceOrder = Schemas["PlaceOrderRequest"];

export type PipelineService = Schemas["PipelineService"];
export type ServiceName = PipelineService["name"];
export const SERVICES = pipelineServiceNameValues;

export type Timeline = Schemas["Timeline"];
export type TimelineEvent = Schemas["TimelineEvent"];
export type Diagnosis = Schemas["Diagnosis"];

export type DeadLetter = Schemas["DeadLetter"];
export type DeadLetters = Schemas["DeadLetters"];
export type WholeDeadLetter = Schemas["WholeDeadLetter"];
export type LetterStatus = DeadLetter["status"];
export const LETTER_STATUSES = deadLetterStatusValues;
export const OPEN_LETTERS: ReadonlySet<LetterStatus> = new Set<LetterStatus>(["FAILED", "WAITING", "QUARANTINED"]);
export type DryRun = Schemas["DryRun"];
export type Replayed = Schemas["Replayed"];

/** What is null is not known. */
export type Pipeline = Schemas["Pipeline"];

/** As the live feed has it: `version` grows with each change. */
export type LiveOrder = Order & { version: number };

export type Frame =
  | { type: "snapshot"; at: string; orders: LiveOrder[]; pipeline: Pipeline | null }
  | { type: "order.updated"; order: LiveOrder }
  | { type: "orders.updated"; orders: LiveOrder[]; skipped: number }
  | ({ type: "pipeline.stats" } & Pipeline);
