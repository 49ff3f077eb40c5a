import { useDeferredValue, useState } from "react";
import { Link } from "react-router";

import { Empty, Failed, Loading, Page } from "../../components/page";
import { count, short, time } from "../../lib/format";
import type { User } from "../../lib/session";
import { type DeadLetter, LETTER_STATUSES, SERVICES } from "../../lib/types";
import { type Filters, MOST_LISTED, NO_FILTERS, useLetters } from "./api";
import { BulkReplay } from "./BulkReplay";

export function DeadLettersPage({ user }: { user: User }) {
  const [filters, setFilters] = useState(NO_FILTERS);
  const asked = useDeferredValue(filters);
  const { data, isPending, error, refetch, isPlaceholderData } = useLetters(asked);
  const isFiltered = Object.values(asked).some(Boolean);
  return (
    <Page title="Dead letters">
      <FilterBar filters={filters} onChange={setFilters} />
      {error && <Failed error={error} retry={() => void refetch()} />}
      {isPending && <Loading what="dead letters" />}
      {user.scopes.has("dead-letters:change") && <BulkReplay letters={data?.letters ?? []} onDone={() => void refetch()} />}
      {data && (
        <p className="counts" role="status">
          {count(data.letters.length)} {data.letters.length === 1 ? "letter" : "letters"}
          {data.more && `: only the latest ${MOST_LISTED} are listed; narrow the filters`}
        </p>
      )}
      {data?.letters.length === 0 && (
        <Empty>{isFiltered ? "None is like that." : "None. Every message was taken: nothing waits for a person."}</Empty>
      )}
      {data && data.letters.length > 0 && (
        <div className={`table-wrap ${isPlaceholderData ? "dim" : ""}`} tabIndex={0} role="region" aria-label="Dead letters, the latest first">
          <Letters letters={data.letters} />
        </div>
      )}
    </Page>
  );
}

function FilterBar({ filters, onChange }: { filters: Filters; onChange: (filters: Filters) => void }) {
  const text = (name: "type" | "key" | "error", label: string) => (
    <label className="grow">
      {label}
      <input type="search" value={filters[name]} onChange={(event) => onChange({ ...filters, [name]: event.target.value.trim() })} />
    </label>
  );
  const choice = (name: "service" | "status", label: string, all: string, options: readonly string[]) => (
    <label>
      {label}
      <select value={filters[name]} onChange={(event) => onChange({ ...filters, [name]: event.target.value })}>
        <option value="">{all}</option>
        {options.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
    </label>
  );
  return (
    <div className="filters" role="search" aria-label="Dead letters">
      {choice("service", "Service", "All", SERVICES)}
      {choice("status", "Status", "Open", LETTER_STATUSES)}
      {text("type", "Event type")}
      {text("key", "Order or product")}
      {text("error", "Error has")}
    </div>
  );
}

function Letters({ letters }: { letters: readonly DeadLetter[] }) {
  return (
    <table className="letters">
      <thead>
        <tr>
          {["Letter", "Status", "Service", "Order or product", "Error"].map((title) => (
            <th scope="col" key={title}>
              {title}
            </th>
          ))}
          {["Tries", "Set aside"].map((title) => (
            <th scope="col" key={title} className="number">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {letters.map((letter) => (
          <tr key={letter.id}>
            <th scope="row">
              <Link to={`/dead-letters/${encodeURIComponent(letter.id)}`}>{letter.type || "no type"}</Link>
            </th>
            <td>
              <span className={`pill ${letter.status === "FAILED" ? "bad" : "off"}`}>{letter.status}</span>
            </td>
            <td>{letter.service}</td>
            <td title={letter.key}>{letter.key ? short(letter.key) : "–"}</td>
            <td className="error" title={letter.error}>
              {letter.error || (letter.status === "WAITING" ? "waits behind another" : "–")}
            </td>
            <td className="number">{letter.attempts}</td>
            <td className="number">{time(letter.parkedAt)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
