/**
 * `@log`, the system process that reads captured output and writes the terminal: its place in
 * the plan and its descriptor table. Must not know: what it does with what it reads.
 *
 *   0 log-commands   1, 2 terminal   3 log-reports   4 … one log-capture per captured stream
 */
import type { Facts } from "./facts.ts";
import type { DescriptorPlan, ProcessPlan } from "./plan.ts";
import { systemProcess } from "./system_process.ts";

/** Its name, and its index in the plan. */
export const LOG_PROCESS = "@log";
export const LOG_PROCESS_INDEX = 0;

/** Its first capture descriptor. */
const FIRST_CAPTURE_FD = 4;

/**
 * Builds `@log` for the other processes of a plan.
 *
 * @param processes The plan's other processes, in order: they have the numbers from 1 up.
 * @param facts Where cox and the runtime are.
 */
export function logProcess(processes: readonly ProcessPlan[], facts: Facts): ProcessPlan {
  return systemProcess({
    name: LOG_PROCESS,
    module: "src/system/log.ts",
    permissionFlags: [],
    descriptors: [
      { fd: 0, kind: "log-commands" },
      { fd: 1, kind: "terminal", stream: 1 },
      { fd: 2, kind: "terminal", stream: 2 },
      { fd: 3, kind: "log-reports" },
      ...captures(processes),
    ],
  }, facts);
}

function captures(processes: readonly ProcessPlan[]): DescriptorPlan[] {
  const streams = processes.flatMap(({ descriptors }, at) =>
    descriptors.flatMap((descriptor) =>
      descriptor.kind === "log"
        ? [{ process: LOG_PROCESS_INDEX + 1 + at, stream: descriptor.stream }]
        : []
    )
  );
  return streams.map((stream, at) => ({
    fd: FIRST_CAPTURE_FD + at,
    kind: "log-capture",
    ...stream,
  }));
}
