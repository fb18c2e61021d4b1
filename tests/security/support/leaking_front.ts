/**
 * `cox` with a leak of the test's: whoever writes `plan.json` writes it with one descriptor more.
 * The product has no such door: this front replaces the rename by which the plan is published.
 *
 *   deno run -A leaking_front.ts '{"process": "f", "descriptor": {…}}' up …
 */
import { main } from "../../../src/cli/dispatch.ts";

const { process, descriptor } = JSON.parse(Deno.args[0]!);
const rename = Deno.renameSync;
Deno.renameSync = (from, to) => {
  if (String(to).endsWith("/plan.json")) {
    const plan = JSON.parse(Deno.readTextFileSync(from));
    const found = plan.processes.find((each: { name: string }) => each.name === process);
    found.descriptors.push(descriptor);
    Deno.writeTextFileSync(from, JSON.stringify(plan));
  }
  rename(from, to);
};
Deno.exit(await main(Deno.args.slice(1)));
