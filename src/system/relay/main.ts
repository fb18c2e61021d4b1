/**
 * `@relay`: moves the messages of relayed pipes, by their policies. A supervised program of its
 * own, off the control loop; see `relay_protocol.ts`. It needs foreign functions to look into
 * pipes without taking from them, opens those that it needs, and gives the permission up before
 * it is told anything: what users' bytes may do to it, they cannot have it do to others.
 * Must not know: the plan, the run directory, anything but its descriptors.
 */
import { Relay } from "./relay.ts";

if (import.meta.main) {
  const relay = new Relay();
  Deno.permissions.revokeSync({ name: "ffi" });
  relay.run();
  Deno.exit(0);
}
