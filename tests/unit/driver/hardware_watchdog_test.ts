/** The hardware watchdog against files and a FIFO that stand in for one. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { EventBody } from "../../../src/audit/event_record.ts";
import { formatEvent } from "../../../src/audit/format_event.ts";
import { HardwareWatchdog } from "../../../src/driver/hardware_watchdog.ts";
import { SystemError } from "../../../src/os/errno.ts";
import { WatchdogDevice } from "../../../src/os/watchdog_device.ts";
import { eventually } from "../../support/crew.ts";

const MS = 1_000_000;

/** A folder with a file that stands in for the device. */
function standIn() {
  const folder = Deno.makeTempDirSync({ prefix: "cox-test-" });
  const device = `${folder}/watchdog`;
  Deno.writeTextFileSync(device, "");
  return {
    device,
    written: () => Deno.readTextFileSync(device),
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

interface Parts {
  readonly watchdog: HardwareWatchdog;
  readonly said: EventBody[];
  broken: number;
}

function watchdogOn(device: string): Parts {
  const said: EventBody[] = [];
  const parts = { said, broken: 0 } as unknown as Parts;
  const watchdog = new HardwareWatchdog({
    plan: { device, timeoutNs: 1000 * MS, strokeNs: 5 * MS },
    broken: () => parts.broken,
    record: (body) => void said.push(body),
  });
  return Object.assign(parts, { watchdog });
}

const did = (said: readonly EventBody[]) =>
  said.map((body) => body.event === "hardwareWatchdog" ? body.did : body.event);

Deno.test("HardwareWatchdog strokes from the start, and puts the device to rest at an orderly end", async () => {
  using file = standIn();
  const { watchdog, said } = watchdogOn(file.device);
  watchdog.start();
  assertEquals(file.written(), "\0");
  await eventually("it strokes again", () => file.written().length >= 3);
  watchdog.stop(true);
  watchdog.stop(true);
  assertEquals(file.written().replace(/^\0+/, ""), "V");
  assertEquals(did(said), ["armed", "disarmed"]);
  const text = formatEvent({ ...said[0]!, seq: 1, monoNs: 0, wall: "2026-01-01T00:00:00.000Z" });
  assertStringIncludes(text, "is armed: no watchdog but a stand-in, stroked every 0.005 s");
});

Deno.test("HardwareWatchdog leaves the device running when the crew does not end in order", () => {
  using file = standIn();
  const { watchdog, said } = watchdogOn(file.device);
  watchdog.start();
  watchdog.stop(false);
  assertEquals(file.written().replaceAll("\0", ""), "");
  assertEquals(did(said), ["armed", "left"]);
});

Deno.test("HardwareWatchdog strokes only while no critical contract is broken", async () => {
  using file = standIn();
  const parts = watchdogOn(file.device);
  parts.watchdog.start();
  parts.broken = 2;
  await eventually("it says so", () => did(parts.said).includes("withheld"));
  const strokes = file.written().length;
  // Time for ten strokes that must not come.
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals(file.written().length, strokes);
  parts.broken = 0;
  await eventually("it strokes again", () => file.written().length > strokes);
  parts.watchdog.stop(true);
  assertEquals(did(parts.said), ["armed", "withheld", "stroked", "disarmed"]);
});

Deno.test("HardwareWatchdog withholds the first stroke too", async () => {
  using file = standIn();
  const parts = watchdogOn(file.device);
  parts.broken = 1;
  parts.watchdog.start();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(file.written(), "");
  parts.watchdog.stop(true);
  assertEquals(did(parts.said), ["armed", "withheld", "disarmed"]);
});

Deno.test("HardwareWatchdog warns where there is no device, and where a stroke fails, once", async () => {
  using file = standIn();
  const missing = watchdogOn(`${file.device}.missing`);
  missing.watchdog.start();
  missing.watchdog.stop(true);
  assertEquals(missing.said, [{
    event: "warning",
    message: `${file.device}.missing: no hardware watchdog guards this machine: ` +
      `open "${file.device}.missing": ENOENT`,
  }]);
  // Whose reader has gone.
  const fifo = `${file.device}.fifo`;
  new Deno.Command("mkfifo", { args: [fifo] }).outputSync();
  assertThrows(() => WatchdogDevice.open(fifo, 1), SystemError, "ENXIO");
  const reader = await Deno.open(fifo, { read: true, write: true });
  const { watchdog, said } = watchdogOn(fifo);
  watchdog.start();
  reader.close();
  await eventually("it warns", () => said.some(({ event }) => event === "warning"));
  await new Promise((resolve) => setTimeout(resolve, 30));
  watchdog.stop(false);
  assertEquals(did(said), ["armed", "warning", "left"]);
});
