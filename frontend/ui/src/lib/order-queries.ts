/** An order's queries: asked again when the live feed tells that it has changed, or may have. */

import { useQuery } from "@tanstack/react-query";

import { api } from "./api";
import { answer } from "./http";
import { feed } from "./live";
import { useObservable } from "./observable";
import type { Diagnosis, Order, Timeline } from "./types";

const named = (orderId: string) => ({ path: { orderId } });

/** What tells that an order has changed, or that changes may have been missed. */
export function useMark(id: string): string {
  const { byId, epoch } = useObservable(feed.orders);
  return `${epoch}/${byId.get(id)?.version ?? ""}`;
}

/** The order, as the later of what was fetched and what the feed told. */
export function useOrder(id: string) {
  const { byId } = useObservable(feed.orders);
  const mark = useMark(id);
  const query = useQuery<Order>({
    queryKey: ["order", id, mark],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/orders/{orderId}", { params: named(id), signal })),
    placeholderData: kept(id),
  });
  const live = byId.get(id);
  const fetched = query.data;
  const isLiveLater = live && (!fetched || Date.parse(live.updatedAt) >= Date.parse(fetched.updatedAt));
  return { ...query, order: isLiveLater ? live : fetched };
}

export function useTimeline(id: string) {
  const mark = useMark(id);
  return useQuery<Timeline>({
    queryKey: ["timeline", id, mark],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/orders/{orderId}/timeline", { params: named(id), signal })),
    placeholderData: kept(id),
  });
}

export function useDiagnosis(id: string, { enabled, again }: { enabled: boolean; again: boolean }) {
  const mark = useMark(id);
  return useQuery<Diagnosis>({
    queryKey: ["diagnosis", id, mark],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/orders/{orderId}/diagnosis", { params: named(id), signal })),
    enabled,
    refetchInterval: again ? 3000 : false, // causes come and go without the order's doing
    placeholderData: kept(id),
  });
}

/** While a newer answer is on its way, the last one about the same order. */
function kept<T extends { orderId: string }>(id: string) {
  return (previous: T | undefined): T | undefined => (previous?.orderId === id ? previous : undefined);
}
