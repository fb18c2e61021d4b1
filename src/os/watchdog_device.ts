/**
 * A hardware watchdog by the kernel's interface (Documentation/watchdog/watchdog-api.rst): open, it
 * runs; a write puts its end off; the letter V before the close puts it to rest ("magic close").
 * Anything else that can be written to may stand in for one. Must not know: when it is stroked.
 */
import { cString } from "./c_string.ts";
import { checked, errnoName, lastErrno } from "./errno.ts";
import { libc, O_CLOEXEC, O_NONBLOCK, O_WRONLY } from "./libc.ts";
import { closeFd } from "./pipe.ts";

/** linux/watchdog.h: _IOR('W', 0, struct watchdog_info), _IOWR('W', 6, int). */
const WDIOC_GETSUPPORT = 0x8028_5700n;
const WDIOC_SETTIMEOUT = 0xc004_5706n;
/** In `options`, the first word of `struct watchdog_info`. */
const WDIOF_MAGICCLOSE = 0x0100;
/** Of `struct watchdog_info`: options, version, 32 characters. */
const INFO_BYTES = 40;
/** Where its identity begins. */
const IDENTITY_OFFSET = 8;

const STROKE = new Uint8Array([0]);
const MAGIC_CLOSE = new TextEncoder().encode("V");

/** What is known of a device. */
export interface WatchdogFacts {
  /** The driver's name for it; null: it answers as no watchdog does, and is a stand-in. */
  readonly identity: string | null;
  /** Seconds, as the device took them; null: it would not be told. */
  readonly timeoutSeconds: number | null;
  /** It can be put to rest. */
  readonly magicClose: boolean;
}

/** An open watchdog: it runs. */
export class WatchdogDevice {
  readonly facts: WatchdogFacts;
  #fd: number;

  private constructor(fd: number, facts: WatchdogFacts) {
    this.#fd = fd;
    this.facts = facts;
  }

  /**
   * Opens it, and asks it to wait so long for a stroke.
   *
   * @param timeoutSeconds whole; the driver rounds it to what it can.
   * @throws {SystemError} ENOENT, EBUSY: somebody else has it; ENXIO: a FIFO that nobody reads.
   */
  static open(path: string, timeoutSeconds: number): WatchdogDevice {
    const flags = O_WRONLY | O_CLOEXEC | O_NONBLOCK;
    const fd = checked(libc().open(cString(path), flags, 0), "open", path);
    return new WatchdogDevice(fd, ask(fd, timeoutSeconds));
  }

  /** Puts its end off. @returns null, or the name of the error. */
  stroke(): string | null {
    return this.#write(STROKE);
  }

  /** Puts it to rest and lets go of it. @returns null, or the name of the error: it runs on. */
  disarm(): string | null {
    const problem = this.#write(MAGIC_CLOSE);
    this.leave();
    return problem;
  }

  /** Lets go of it as it runs: it resets the machine when its time is over. Idempotent. */
  leave(): void {
    if (this.#fd >= 0) closeFd(this.#fd);
    this.#fd = -1;
  }

  #write(bytes: Uint8Array<ArrayBuffer>): string | null {
    const count = Number(libc().write(this.#fd, bytes, BigInt(bytes.length)));
    return count === bytes.length ? null : errnoName(lastErrno());
  }
}

function ask(fd: number, timeoutSeconds: number): WatchdogFacts {
  const info = new Uint8Array(INFO_BYTES);
  const isDevice = libc().ioctl(fd, WDIOC_GETSUPPORT, info) === 0;
  const options = new DataView(info.buffer).getUint32(0, true);
  const timeout = new Int32Array([timeoutSeconds]);
  const took = isDevice && libc().ioctl(fd, WDIOC_SETTIMEOUT, timeout) === 0;
  const text = new TextDecoder().decode(info.subarray(IDENTITY_OFFSET));
  return {
    identity: isDevice ? text.replace(/\0.*$/s, "") : null,
    timeoutSeconds: took ? timeout[0]! : null,
    magicClose: !isDevice || (options & WDIOF_MAGICCLOSE) !== 0,
  };
}
