/** Whether tests can have a cgroup here. */
import { findCgroup } from "../../../src/process/crew_cgroup.ts";

/** Why there is no cgroup to test with; null when there is one. */
export function cgroupMissing(): string | null {
  const place = findCgroup();
  if (place.kind === "none") return place.why;
  const probe = `${place.ownDir}/cox-probe-${Deno.pid}`;
  try {
    Deno.mkdirSync(probe);
    Deno.removeSync(probe);
    return null;
  } catch (error) {
    return String(error);
  }
}
