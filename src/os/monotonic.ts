/** CLOCK_MONOTONIC, the same in every process of the machine. Must not know: what it is for. */
import { checked } from "./errno.ts";
import { CLOCK_MONOTONIC, libc } from "./libc.ts";

/**
 * `struct timespec`: two 64-bit numbers. Of the seconds the lower half is enough for 136 years
 * of uptime, and nothing has to be allocated to read it.
 */
const timespec = new Uint32Array(4);

/** Milliseconds with their fractions, down to the nanosecond. Makes no garbage. */
export function monotonicMs(): number {
  checked(libc().clock_gettime(CLOCK_MONOTONIC, timespec), "clock_gettime");
  return timespec[0]! * 1000 + timespec[2]! / 1e6;
}
