/**
 * Writes what the detector passes on to `samples.jsonl` and `alerts.jsonl` in one folder
 * (its argument), the only place on the machine that it can reach: needs
 * `--allow-read=./data --allow-write=./data`.
 */
import { isSupervised, readNdjson, ready, stopSignal } from "coxswain/child";
import { JsonlFile } from "./jsonl_file.ts";
import { parseJudged } from "./sample.ts";

const MAX_BYTES = 16 * 1024 * 1024;
const FLUSH_EVERY_SAMPLES = 250;

const folder = Deno.args[0];
if (folder === undefined) throw new TypeError("Usage: recorder.ts FOLDER");
Deno.mkdirSync(folder, { recursive: true });

using samples = new JsonlFile({ path: `${folder}/samples.jsonl`, maxBytes: MAX_BYTES, keep: 2 });
using alerts = new JsonlFile({ path: `${folder}/alerts.jsonl`, maxBytes: MAX_BYTES, keep: 2 });
if (isSupervised()) await ready();

const judged = readNdjson(Deno.stdin.readable, {
  signal: stopSignal(),
  parse: parseJudged,
  onBadLine: (error) => console.error(`skipped: ${error.message}`),
});

let count = 0;
for await (const sample of judged) {
  samples.append(sample);
  for (const alert of sample.alerts) alerts.append({ at: sample.at, ...alert });
  // An alert is worth a write to the disk of its own, a sample is not.
  if (sample.alerts.length > 0) alerts.flush();
  if (++count % FLUSH_EVERY_SAMPLES === 0) samples.flush();
}
