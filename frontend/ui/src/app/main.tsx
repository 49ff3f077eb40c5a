import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";

import { session } from "../lib/api";
import { Problem } from "../lib/http";
import "../lib/theme";
import { App } from "./App";
import "./base.css";
import "./pages.css";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      retry: (failures, error) => failures < 2 && (!(error instanceof Problem) || error.isPassing),
    },
  },
});
// The next one who signs in on this page may not see what the last one saw.
session.subscribe(() => session.state.is === "out" && queries.clear());

const root = document.getElementById("root");
if (root)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <BrowserRouter>
          <App />
        </BrowserRouter>
      </QueryClientProvider>
    </StrictMode>,
  );
