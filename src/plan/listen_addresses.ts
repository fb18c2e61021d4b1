/**
 * Which addresses listeners would take from each other. Pure.
 * Must not know: who may connect, how an address is bound.
 */
import type { Issues } from "./issues.ts";
import type { ChannelPlan, ListenPlan } from "./plan.ts";

type Address = ListenPlan["address"];

/** Of each family the address that stands for all others. */
const ANY: readonly string[] = ["0.0.0.0", "::"];

/**
 * Refuses an address that an earlier listener has already: its bind would fail.
 *
 * @param plans All channels of the active processes.
 * @param issues Receives one error a listener.
 */
export function checkAddresses(plans: readonly ChannelPlan[], issues: Issues): void {
  const earlier: ListenPlan[] = [];
  for (const plan of plans) {
    if (plan.kind !== "listen") continue;
    const { address, name } = plan;
    const other = earlier.find((each) => areOne(each.address, address));
    earlier.push(plan);
    if (other === undefined) continue;
    const [path, what] = address.kind === "unix"
      ? [["unix", "path"], `the socket ${address.path}`]
      : [["tcp", "port"], `port ${address.port}`];
    issues.error(
      ["channels", name, ...path],
      `${what} is used by channel "${other.name}" already`,
      address.kind === "unix" ? "give each a path of its own" : "give each a port of its own",
    );
  }
}

function areOne(a: Address, b: Address): boolean {
  if (a.kind === "unix" || b.kind === "unix") {
    return a.kind === "unix" && b.kind === "unix" && a.path === b.path;
  }
  if (a.port !== b.port) return false;
  const [one, two] = [canonical(a.host), canonical(b.host)];
  const sameFamily = one.includes(":") === two.includes(":");
  return one === two || (sameFamily && (ANY.includes(one) || ANY.includes(two)));
}

/** IPv6 addresses have many spellings; the URL parser knows one for each. */
function canonical(host: string): string {
  return host.includes(":") ? new URL(`http://[${host}]/`).hostname.slice(1, -1) : host;
}
