/**
 * The supervisor's own maxima. Must not know: who keeps to them.
 */
import type { SupervisorLimits } from "./plan.ts";

/** Part of every plan. */
export const SUPERVISOR_LIMITS: SupervisorLimits = {
  // At about 200 bytes an event this is 2 MB of memory.
  eventsKeptMax: 10_000,
  requestBytesMax: 64 * 1024,
  requestTimeoutNs: 10_000_000_000,
  // A thousand idle connections must leave room for the one that matters.
  controlConnectionsMax: 64,
  // sd_notify messages are a few lines; systemd itself reads at most a page.
  notifyMessageBytesMax: 4_096,
  eventFileBytesMax: 16 * 1024 * 1024,
};
