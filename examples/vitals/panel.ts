/**
 * Shows the newest vitals on an inherited listener: a page on `/`, the judged sample as JSON on
 * `/vitals.json`. The newest sample itself it has from the mailbox, with its age when it came: it
 * is there when nobody judges as well. Needs no permission at all. Killed or restarted, it loses nobody: who
 * connects meanwhile waits for the next instance.
 *
 * `curl --unix-socket run/panel.sock http://vitals/vitals.json`
 */
import {
  connect,
  mailboxConsumer,
  ready,
  stopSignal,
  struct,
  takeListenerFd,
} from "coxswain/child";
import { createServer, type ServerResponse } from "node:http";
import { formatPage, type Newest } from "./panel_page.ts";
import { READING_FIELDS } from "./reading.ts";
import { type Judged, parseJudged } from "./sample.ts";

let last: Judged | null = null;
let newest: Newest | null = null;

const findings = connect("findings", {
  as: "ndjson",
  parse: parseJudged,
  onBadMessage: (error) => console.error(`skipped: ${error.message}`),
});
const server = createServer((request, response) => {
  // One request a connection: nobody holds on to an instance that wants to end.
  response.shouldKeepAlive = false;
  const { pathname } = new URL(request.url ?? "/", "http://vitals");
  if (pathname === "/") answer(response, 200, "text/html; charset=utf-8", formatPage(last, newest));
  else if (pathname !== "/vitals.json") answer(response, 404, "text/plain", "not found\n");
  else if (last === null) answer(response, 503, "text/plain", "no sample yet\n");
  else answer(response, 200, "application/json", `${JSON.stringify(last)}\n`);
});
const stop = stopSignal();
stop.addEventListener("abort", () => server.close());
server.listen({ fd: takeListenerFd("http") });
await ready();

void followReadings();
for await (const sample of findings.receive({ signal: stop })) last = sample;

/** One that was written over while it was read is none. */
async function followReadings(): Promise<void> {
  const readings = mailboxConsumer("readings", { schema: struct(READING_FIELDS) });
  stop.addEventListener("abort", () => readings[Symbol.dispose](), { once: true });
  for await (const reading of readings) {
    const { seq } = reading.fields;
    const ageMs = (reading.receivedNs - reading.originNs) / 1e6;
    if (reading.release() === "intact") newest = { seq, ageMs };
  }
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
}
