/** A small storefront: it places orders as any customer's program would, and shows them move. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { Failed, Loading, Page, Section } from "../../components/page";
import { count, money } from "../../lib/format";
import { anonymous, answer } from "../../lib/http";
import type { Product } from "../../lib/types";
import { type Basket, OrderForm } from "./OrderForm";
import { PlacedOrder } from "./PlacedOrder";

export function ShopPage() {
  const [basket, setBasket] = useState<Basket>({});
  const [placed, setPlaced] = useState<string[]>([]);
  const products = useQuery({ queryKey: ["products"], queryFn: () => answer(anonymous.GET("/api/v1/products")), refetchInterval: 10_000 });
  return (
    <Page title="Shop">
      <div className="shop">
        <Section title="Products" aside={<span className="muted">{products.data && `${products.data.length} products`}</span>}>
          {products.isPending ? (
            <Loading what="products" />
          ) : products.data ? (
            <div className="table-wrap products" tabIndex={0} role="region" aria-label="Products">
              <Products products={products.data} basket={basket} onChange={setBasket} />
            </div>
          ) : null}
          {products.isError && <Failed error={products.error} retry={() => void products.refetch()} />}
          {products.data?.length === 0 && <p className="note">Nothing is for sale yet. Fill the shop with: make seed</p>}
        </Section>
        <OrderForm
          basket={basket}
          products={products.data ?? []}
          onPlaced={(id) => setPlaced((before) => [id, ...before.filter((each) => each !== id)].slice(0, 20))}
        />
        <Section title="Placed here">
          {placed.length === 0 && <p className="note">Your order appears here and moves by itself.</p>}
          <ul className="placed" aria-label="Orders placed here">
            {placed.map((id) => (
              <PlacedOrder key={id} id={id} />
            ))}
          </ul>
        </Section>
      </div>
    </Page>
  );
}

type ProductsProps = { products: Product[]; basket: Basket; onChange: (basket: Basket) => void };

function Products({ products, basket, onChange }: ProductsProps) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Product</th>
          <th scope="col" className="number">
            Price
          </th>
          <th scope="col" className="number">
            Available
          </th>
          <th scope="col" className="number">
            Pieces
          </th>
        </tr>
      </thead>
      <tbody>
        {products.map(({ sku, name, price, currency, available }) => (
          <tr key={sku}>
            <th scope="row">
              {name} <span className="muted">{sku}</span>
            </th>
            <td className="number">{money(price, currency)}</td>
            <td className={`number ${available === 0 ? "warn-text" : ""}`}>{count(available)}</td>
            <td className="number">
              <input
                type="number"
                aria-label={`Pieces of ${name}`}
                min={0}
                max={1_000_000}
                value={basket[sku] ?? ""}
                placeholder="0"
                onChange={(event) => onChange({ ...basket, [sku]: Math.max(0, Math.floor(event.target.valueAsNumber || 0)) })}
              />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
