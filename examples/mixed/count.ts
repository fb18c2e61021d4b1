/** Sends the numbers from 1 to its argument as JSON lines, and ends. No permission. */
import { connect, ready } from "coxswain/child";

const last = Number(Deno.args[0] ?? 1000);
await using numbers = connect("numbers", { as: "ndjson" });
await ready();
for (let n = 1; n <= last; n++) {
  while (numbers.send({ n }).kind === "full") await numbers.drained();
}
