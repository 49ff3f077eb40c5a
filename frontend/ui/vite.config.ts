import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const SITE = "http://127.0.0.1:3000";

export default defineConfig({
  base: "/static/frontend/",
  plugins: [react()],
  build: {
    outDir: "../static/frontend",
    emptyOutDir: true,
    manifest: "manifest.json", // frontend/views.py reads it
    target: "es2023",
    cssTarget: ["chrome123", "firefox121", "safari17.5"], // those know light-dark()
    assetsInlineLimit: 0, // the content security policy allows no data: in style sheets
    rollupOptions: { input: "src/app/main.tsx" },
  },
  server: { proxy: { "/api": SITE, "/ws": { target: SITE.replace("http", "ws"), ws: true } } },
  test: { include: ["src/**/*.test.ts"] },
});
