/** A document as people read it; it scrolls by itself, also by keyboard. */
export function Json({ value, label }: { value: unknown; label: string }) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return (
    <pre className="json" tabIndex={0} role="region" aria-label={label}>
      {text}
    </pre>
  );
}
