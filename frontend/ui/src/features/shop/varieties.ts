/** What the sandbox's gateway, carrier and warehouse can be made to do. */

export type Variety = { id: string; title: string; explained: string; token: string; postalCode?: string; pieces?: number };

export const VARIETIES: readonly [Variety, ...Variety[]] = [
  { id: "plain", title: "Card that works", token: "tok_visa", explained: "Authorised, shipped, captured: COMPLETED." },
  { id: "declined", title: "Card declined", token: "tok_declined", explained: "The stock is put back: CANCELLED, PAYMENT_FAILED." },
  { id: "timeout", title: "Gateway hangs", token: "tok_timeout", explained: "No answer ever comes; the deadline ends it: CANCELLED, TIMEOUT." },
  { id: "flaky", title: "Gateway fails twice", token: "tok_flaky", explained: "It is asked again with the same key, and works: COMPLETED." },
  { id: "capture", title: "Capture fails at first", token: "tok_capture_fails", explained: "Shipped before it is paid; the capture is tried again: COMPLETED." },
  { id: "carrier", title: "Carrier refuses the address", token: "tok_visa", postalCode: "00000", explained: "Postal code 00000: payment voided, stock released: CANCELLED, SHIPPING_FAILED." },
  { id: "stock", title: "More than there is", token: "tok_visa", pieces: 500_000, explained: "500,000 pieces of each: CANCELLED, OUT_OF_STOCK." },
];
