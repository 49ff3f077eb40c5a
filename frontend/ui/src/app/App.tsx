import { Navigate, Route, Routes } from "react-router";

import { Empty, Loading, Page } from "../components/page";
import { DeadLetterPage } from "../features/dead-letters/DeadLetterPage";
import { DeadLettersPage } from "../features/dead-letters/DeadLettersPage";
import { OrderPage } from "../features/orders/OrderPage";
import { OrdersPage } from "../features/orders/OrdersPage";
import { PipelinePage } from "../features/pipeline/PipelinePage";
import { ShopPage } from "../features/shop/ShopPage";
import { SignIn } from "../features/sign-in/SignIn";
import { session } from "../lib/api";
import { useObservable } from "../lib/observable";
import { Shell } from "./Shell";

export function App() {
  const state = useObservable(session);
  if (state.is === "restoring")
    return (
      <main className="lonely">
        <Loading what="your session" />
      </main>
    );
  if (state.is === "out") return <SignIn why={state.why ?? null} />;
  const { scopes } = state.user;
  return (
    <Shell user={state.user}>
      <Routes>
        <Route path="/" element={scopes.has("pipeline:read") ? <PipelinePage /> : <Navigate to="/shop" replace />} />
        <Route path="/orders" element={<OrdersPage />} />
        <Route path="/orders/:id" element={<OrderPage user={state.user} />} />
        {scopes.has("dead-letters:read") && (
          <>
            <Route path="/dead-letters" element={<DeadLettersPage user={state.user} />} />
            <Route path="/dead-letters/:id" element={<DeadLetterPage user={state.user} />} />
          </>
        )}
        <Route path="/shop" element={<ShopPage />} />
        <Route
          path="*"
          element={
            <Page title="Not here">
              <Empty>There is no such page, or it is not among what you may see.</Empty>
            </Page>
          }
        />
      </Routes>
    </Shell>
  );
}
