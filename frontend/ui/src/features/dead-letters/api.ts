import { useQuery } from "@tanstack/react-query";

import { api, withQuery } from "../../lib/api";
import type { DeadLetter, DeadLetterDetail, DryRun, Page, Replayed } from "../../lib/types";

export type Filters = { service: string; status: string; type: string; key: string; error: string };
export const NO_FILTERS: Filters = { service: "", status: "", type: "", key: "", error: "" };
export const MOST_LISTED = 500;

const one = (id: string) => `dead-letters/${encodeURIComponent(id)}`;

/** Those that fit the filters, the latest first, and whether there are more than are listed. */
export async function listed(filters: Filters, signal?: AbortSignal): Promise<{ letters: DeadLetter[]; more: boolean }> {
  const letters: DeadLetter[] = [];
  let cursor: string | null = null;
  do {
    const path: string = withQuery("dead-letters", { ...filters, limit: 100, cursor });
    const page: Page<DeadLetter> = await api<Page<DeadLetter>>(path, signal ? { signal } : {});
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
  return useQuery({ queryKey: ["dead-letter", id], queryFn: ({ signal }) => api<DeadLetterDetail>(one(id), { signal }), refetchInterval: 5000 });
}

export const dryRun = (id: string) => api<DryRun>(`${one(id)}/dry-run`, { method: "POST", body: {} });
export const replay = (id: string, reason: string) => api<Replayed>(`${one(id)}/replay`, { method: "POST", body: { reason } });
export const discard = (id: string, reason: string) => api<{ left: number }>(`${one(id)}/discard`, { method: "POST", body: { reason } });
