/**
 * The vitals of this machine: four sandboxed programs on a mailbox, a pipe and a socket.
 *
 *   sampler ──readings─┬► detector ──findings──┬► recorder ──► ./data
 *                      │                       └► panel ──http──► ./run/panel.sock
 *                      └─────────────────────────►
 *
 * `cox up` runs it. Kill any of the four and watch it come back;
 * `curl --unix-socket run/panel.sock http://vitals/` is answered all the same.
 *
 * Its time contracts: a sample every 20 ms, at the detector within 100 ms, at the panel and, judged,
 * at the recorder within 250 ms. Stop one with SIGSTOP and watch what is said; `cox deadlines` has
 * the figures.
 */
import { defineConfig, deno, group, keepLast, listen, mailbox, pipe, struct } from "coxswain";
import { READING_FIELDS } from "./examples/vitals/reading.ts";

/** For ever: at once after a good run, then 100 ms, 200 ms, … and never above 5 s. */
const forEver = {
  policy: "permanent",
  backoff: { initial: "100ms", factor: 2, max: "5s" },
} as const;

export default defineConfig({
  name: "vitals",
  processes: {
    // May ask the kernel three things, and that is all it may do.
    sampler: {
      run: deno("./examples/vitals/sampler.ts", {
        permissions: { sys: ["loadavg", "systemMemoryInfo", "cpus"] },
      }),
      ready: { by: "notify", within: "5s" },
      restart: forEver,
      stop: { signal: "SIGTERM", timeout: "3s" },
      deadlines: {
        // Warned of when it is more than a hiccup: on a busy machine a pass is late now and then.
        cycles: {
          sample: {
            period: "20ms",
            budget: "10ms",
            tolerate: { misses: 10, in: 50 },
            miss: [],
            broken: "warn",
            recoverAfter: 25,
          },
        },
      },
    },
    // No permission at all: its links are its whole world.
    detector: {
      run: deno("./examples/vitals/detector.ts"),
      after: { sampler: "ready" },
      ready: { by: "notify", within: "5s" },
      restart: forEver,
    },
    // Owns ./data and can reach nothing else.
    recorder: {
      run: deno("./examples/vitals/recorder.ts", {
        args: ["./data"],
        permissions: { read: ["./data"], write: ["./data"] },
      }),
      after: { detector: "ready" },
      ready: { by: "notify", within: "5s" },
      restart: forEver,
    },
    // Serves pages without any permission: its listener and its links are handed to it.
    panel: {
      run: deno("./examples/vitals/panel.ts"),
      ready: { by: "notify", within: "5s" },
      restart: forEver,
    },
  },
  groups: {
    // When one dies, those behind it start afresh with it. More than 50 restarts within
    // 10 s and the group gives up: generous, since this one is here to be killed.
    pipeline: group(["sampler", "detector", "recorder"], {
      strategy: "rest_for_one",
      intensity: 50,
      period: "10s",
    }),
  },
  // From the sampler's stamp to the recorder, over both channels.
  paths: {
    vitals: { through: ["readings", "findings"], to: "recorder", within: "250ms" },
  },
  channels: {
    // In shared memory, held by the supervisor: neither end waits for the other, and what was
    // published survives the death of either.
    readings: mailbox({
      from: "sampler.readings",
      to: [
        { port: "detector.readings", latency: { within: "100ms" } },
        // A page shows the newest: what came before it is of no use there.
        { port: "panel.readings", behind: "newest", latency: { within: "250ms" } },
      ],
      schema: struct(READING_FIELDS),
      slots: 16,
      history: keepLast(8),
      // No sample for so long: the sampler stands still, whatever it says.
      deadline: { within: "500ms" },
    }),
    // Everything to both, each line whole. The recorder is waited for; a page that nobody
    // reads in time misses lines, and holds up nobody.
    findings: pipe({
      from: "detector.stdout",
      to: [
        "recorder.stdin",
        { port: "panel.stdin", overflow: "drop-oldest", highWater: { messages: 50 } },
      ],
      framing: "ndjson",
      maxMessage: "4KiB",
      producerEnds: "hold",
      consumerEnds: "hold",
    }),
    // Held by the supervisor as well: who connects while panel is down waits for the next one.
    http: listen({
      server: "panel.http",
      unix: { path: "./run/panel.sock", mode: "0600" },
      clients: "anyone",
    }),
  },
});
