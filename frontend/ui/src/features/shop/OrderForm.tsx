import { type FormEvent, useRef, useState } from "react";

import { Failed, Section } from "../../components/page";
import { api, newKey } from "../../lib/api";
import { count, money } from "../../lib/format";
import { answer, Problem } from "../../lib/http";
import type { PlaceOrder, Product } from "../../lib/types";
import { VARIETIES } from "./varieties";

/** Pieces by product. */
export type Basket = Record<string, number>;

type Props = { basket: Basket; products: readonly Product[]; onPlaced: (orderId: string) => void };

export function OrderForm({ basket, products, onPlaced }: Props) {
  const [chosen, setChosen] = useState(VARIETIES[0]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const attempt = useRef({ body: "", key: "" });
  const picked = products.filter(({ sku }) => (basket[sku] ?? 0) > 0);
  const lines = picked.length ? picked : products.slice(0, 1); // one piece of the first, for the impatient
  const pieces = ({ sku }: Product) => chosen.pieces ?? (basket[sku] || 1);
  const total = lines.reduce((sum, line) => sum + line.price * pieces(line), 0);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const given = (name: keyof PlaceOrder["shippingAddress"]) => String(form.get(name));
    const body: PlaceOrder = {
      items: lines.map((line) => ({ sku: line.sku, quantity: pieces(line) })),
      paymentMethod: chosen.token,
      shippingAddress: {
        name: given("name"),
        line1: given("line1"),
        city: given("city"),
        postalCode: chosen.postalCode ?? given("postalCode"),
        country: given("country"),
      },
    };
    // Until the server has said what became of it, the same order has the same key: it is placed once, however often it is sent.
    const text = JSON.stringify(body);
    if (attempt.current.body !== text) attempt.current = { body: text, key: newKey() };
    setBusy(true);
    setError(null);
    try {
      const params = { header: { "Idempotency-Key": attempt.current.key } };
      const { orderId } = await answer(api.POST("/api/v1/orders", { params, body }));
      attempt.current = { body: "", key: "" };
      onPlaced(orderId);
    } catch (caught) {
      if (!(caught instanceof Problem && caught.isPassing)) attempt.current = { body: "", key: "" };
      setError(caught);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Section title="Order">
      <form className="stack" onSubmit={(event) => void submit(event)}>
        <ul className="basket" aria-label="Basket">
          {lines.map((line) => (
            <li key={line.sku}>
              <span>
                {count(pieces(line))} × {line.name}
              </span>
              <span>{money(line.price * pieces(line), line.currency)}</span>
            </li>
          ))}
          {lines[0] && (
            <li className="total">
              <span>Total</span>
              <span>{money(total, lines[0].currency)}</span>
            </li>
          )}
        </ul>
        <fieldset>
          <legend>What is to happen (sandbox)</legend>
          {VARIETIES.map((variety) => (
            <label key={variety.id} className="choice">
              <input type="radio" name="variety" checked={variety === chosen} onChange={() => setChosen(variety)} />
              <span>
                {variety.title} <code>{variety.token}</code>
                <span className="muted explained">{variety.explained}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <details>
          <summary>Ships to Alice Demo, Berlin</summary>
          <div className="address">
            <Field name="name" label="Name" value="Alice Demo" />
            <Field name="line1" label="Street" value="1 Main Street" />
            <Field name="postalCode" label="Postal code" value="10115" most={20} />
            <Field name="city" label="City" value="Berlin" />
            <Field name="country" label="Country" value="DE" most={2} pattern="[A-Z]{2}" />
          </div>
        </details>
        {error !== null && <Failed error={error} />}
        <button type="submit" className="primary" disabled={busy || lines.length === 0}>
          {busy ? "Placing…" : "Place order"}
        </button>
      </form>
    </Section>
  );
}

function Field({ name, label, value, most = 200, pattern }: { name: string; label: string; value: string; most?: number; pattern?: string }) {
  return (
    <label>
      {label}
      <input name={name} defaultValue={value} required maxLength={most} {...(pattern ? { pattern } : {})} />
    </label>
  );
}
