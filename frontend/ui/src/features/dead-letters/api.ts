import { useQuery } from "@tanstack/react-query";

import { api } from "../../lib/api";
import { answer, given } from "../../lib/http";
import type { DeadLetter, DeadLetters, LetterStatus, ServiceName } from "../../lib/types";

export type Filters = { service: ServiceName | ""; status: LetterStatus | ""; type: string; key: string; error: string };
export const NO_FILTERS: Filters = { service: "", status: "", type: "", key: "", error: "" };
export const MOST_LISTED = 500;

const named = (id: string) => ({ path: { id } });

/** Those that fit the filters, the latest first, and whether there are more than are listed. */
export async function listed(filters: Filters, signal: AbortSignal): Promise<{ letters: DeadLetter[]; more: boolean }> {
  const letters: DeadLetter[] = [];
  let cursor: string | null = null;
  do {
    const query = given({ ...filters, limit: 100, cursor });
    const page: DeadLetters = await answer(api.GET("/api/v1/dead-letters", { params: { query }, signal }));
    letters.push(...page.results);
    cursor = page.next;
  } while (cursor && letters.length < MOST_LISTED);
  return { letters, more: cursor !== null };
}

export function useLetters(filters: Filters) {
  return useQuery({
    queryKey: ["dead-letters", filters],
    queryFn: ({ signal }) => listed(filters, signal),
    refetchInterval: 5000,
    placeholderData: (previous) => previous,
  });
}

export function useLetter(id: string) {
  return useQuery({
    queryKey: ["dead-letter", id],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/dead-letters/{id}", { params: named(id), signal })),
    refetchInterval: 5000,
  });
}

export const dryRun = (id: string) => answer(api.POST("/api/v1/dead-letters/{id}/dry-run", { params: named(id) }));
export const replay = (id: string, reason: string) =>
  answer(api.POST("/api/v1/dead-letters/{id}/replay", { params: named(id), body: { reason } }));
export const discard = (id: string, reason: string) =>
  answer(api.POST("/api/v1/dead-letters/{id}/discard", { params: named(id), body: { reason } }));
