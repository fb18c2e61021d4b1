/**
 * The pulse memory of this program, as the supervisor's preload mapped it: found, read once, and
 * handed to who stamps it. Must not know: what is stamped, and when.
 */
import { type PulseKind, type PulseLine, readPulse } from "../deadline/pulse_layout.ts";
import type { SealedMemory } from "../seal/sealed_memory.ts";
import { isSupervised, NotSupervisedError, sealedMemory } from "./supervision.ts";

/** Memory to stamp, and the calls that go with it. */
export interface Pulse {
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly lines: readonly PulseLine[];
  readonly nowNs: () => number;
  readonly sleepUntil: (atNs: number) => void;
}

let found: { readonly memory: SealedMemory; readonly pulse: Pulse } | null = null;

/** null: this program has none. */
export function pulseMemory(): Pulse | null {
  const memory = sealedMemory();
  const buffer = memory?.pulse?.buffer;
  if (memory === null || buffer === undefined) return null;
  if (found?.memory === memory) return found.pulse;
  const pulse: Pulse = {
    words: new Int32Array(buffer),
    doubles: new Float64Array(buffer),
    lines: readPulse(buffer),
    nowNs: memory.nowNs,
    sleepUntil: memory.sleepUntil,
  };
  found = { memory, pulse };
  return pulse;
}

/** The line of this kind and name, with its memory; null: the configuration declares none. */
export function findLine(kind: PulseKind, name: string): [Pulse, PulseLine] | null {
  const pulse = pulseMemory();
  const line = pulse?.lines.find((line) => line.kind === kind && line.name === name);
  return pulse === null || line === undefined ? null : [pulse, line];
}

/** What to tell who asks for a line that is not there, by the name of the call. */
export function noLine(call: "cycle" | "checkpoints", name: string): Error {
  if (!isSupervised()) return new NotSupervisedError(call, "no-supervisor", name);
  const kind = call === "cycle" ? "cycle" : "steps";
  const names = (pulseMemory()?.lines ?? []).filter((line) => line.kind === kind)
    .map((line) => `"${line.name}"`);
  const words = call === "cycle"
    ? `cycles: { ${JSON.stringify(name)}: { period: "20ms" } }`
    : `checkpoints: { ${JSON.stringify(name)}: { steps: ["one", "two"] } }`;
  return new TypeError(
    `Cannot call ${call}(${JSON.stringify(name)}): the configuration of this process declares ` +
      `${
        names.length === 0 ? "none" : `only ${names.join(", ")}`
      }. Add \`deadlines: { ${words} }\``,
  );
}
