/** Writes the numbers from 1 to its argument as JSON lines, and ends. No permission. */
import { isSupervised, ready, writeNdjson } from "coxswain/child";

const last = Number(Deno.args[0] ?? 1000);
if (isSupervised()) await ready();
for (let n = 1; n <= last; n++) await writeNdjson({ n });
