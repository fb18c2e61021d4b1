/**
 * The machine's watchdog in a real crew, against a file that stands in for the device; how the
 * monitor's thread is scheduled; what a program that is heard by sd_notify finds.
 */
import { assert, assertEquals } from "@std/assert";
import { readRights } from "../../src/plan/probe/rights.ts";
import { eventually, startCrew } from "../support/crew.ts";
import { pidsOf } from "../support/crew_pids.ts";

const CAP_SYS_NICE = 23;
const CAP_IPC_LOCK = 14;
const { capabilities } = readRights(Deno.readTextFileSync);
const mayNot = [CAP_SYS_NICE, CAP_IPC_LOCK].every((each) => capabilities.includes(each))
  ? null
  : "no CAP_SYS_NICE or no CAP_IPC_LOCK";
if (mayNot !== null) console.warn(`Skipped, scheduling of the monitor: ${mayNot}`);

const crewOf = (device: string, supervisor = "") => `
import { command, defineConfig, deno } from "coxswain";
export default defineConfig({
  name: "guarded",
  processes: {
    beating: {
      run: deno("./beat.ts", { permissions: { read: ["./silent"] } }),
      ready: { by: "notify" },
      deadlines: {
        heartbeat: { within: "1.5s", critical: true, recoverAfter: 1 },
      },
    },
    told: {
      run: command(["sh", "-c", 'echo "$WATCHDOG_USEC $WATCHDOG_PID $$" > told; exec sleep 1000']),
      deadlines: { heartbeat: { by: "notify", within: "1h" } },
    },
  },
  supervisor: { watchdog: { device: ${JSON.stringify(device)}, timeout: "1s" }, ${supervisor} },
});
`;

/** Shows that it lives, until it is told to be silent. */
const BEAT = `
import { heartbeat, ready } from "coxswain/child";
await ready();
setInterval(() => {
  try {
    Deno.statSync("silent");
  } catch {
    heartbeat();
  }
}, 50);
`;

Deno.test("a hardware watchdog is stroked while critical contracts hold, and put to rest at the end", async () => {
  const folder = await Deno.makeTempDir({ prefix: "cox-test-" });
  const device = `${folder}/watchdog`;
  await Deno.writeTextFile(device, "");
  try {
    await using crew = await startCrew(crewOf(device), { files: { "beat.ts": BEAT } });
    const written = () => Deno.readTextFileSync(device);
    await eventually("it is stroked", () => written().length >= 2);
    const did = () =>
      crew.events().flatMap((each) => each.event === "hardwareWatchdog" ? [each.did] : []);
    assertEquals(did(), ["armed"]);
    await Deno.writeTextFile(`${crew.projectDir}/silent`, "");
    await eventually("it is withheld", () => did().includes("withheld"));
    const strokes = written().length;
    await Deno.remove(`${crew.projectDir}/silent`);
    await eventually("it is stroked again", () => written().length > strokes);
    await eventually("a program is told", () => fileOf(`${crew.projectDir}/told`) !== "");
    const [usec, shown, own] = fileOf(`${crew.projectDir}/told`).trim().split(" ");
    assertEquals([usec, shown], ["3600000000", own]);
    assertEquals((await crew.stop()).code, 0);
    assertEquals(written().replaceAll("\0", ""), "V");
    assertEquals(did(), ["armed", "withheld", "stroked", "disarmed"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a crew whose watchdog device is not there runs, and says so", async () => {
  await using crew = await startCrew(crewOf("/dev/no-such-watchdog"), {
    files: { "beat.ts": BEAT },
  });
  await crew.until("it runs", (up) => up.processes["beating"]?.state === "running");
  assert(
    crew.events().some((each) =>
      each.event === "warning" &&
      each.message.startsWith("/dev/no-such-watchdog: no hardware watchdog guards this machine")
    ),
  );
});

Deno.test({
  name: "the monitor's thread is scheduled as declared, and the supervisor's code stays in memory",
  ignore: mayNot !== null,
  async fn() {
    const scheduling = 'scheduling: { policy: "fifo", priority: 20, cpus: [0], lockMemory: true }';
    await using crew = await startCrew(crewOf("/dev/null", scheduling), {
      files: { "beat.ts": BEAT },
    });
    const { supervisor } = pidsOf(crew);
    const threads = () =>
      [...Deno.readDirSync(`/proc/${supervisor}/task`)].map(({ name }) => {
        const path = `/proc/${supervisor}/task/${name}`;
        const stat = Deno.readTextFileSync(`${path}/stat`);
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        const status = Deno.readTextFileSync(`${path}/status`);
        return {
          scheduled: `${fields[41 - 3]} ${fields[40 - 3]}`,
          cpus: /^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1],
        };
      });
    // FIFO, 20.
    await eventually(
      "a thread is first",
      () => threads().some((each) => each.scheduled === "1 20"),
    );
    const first = threads().filter(({ scheduled }) => scheduled === "1 20");
    assertEquals(first, [{ scheduled: "1 20", cpus: "0" }]);
    await eventually("more than 1000 KiB are locked", () => {
      const status = Deno.readTextFileSync(`/proc/${supervisor}/status`);
      return Number(/^VmLck:\s*(\d+) kB$/m.exec(status)?.[1]) > 1000;
    });
    // What was unused after the start is given back, and the supervisor lives on.
    await new Promise((resolve) => setTimeout(resolve, 4000));
    assertEquals(crew.events().filter(({ event }) => event === "warning"), []);
    assertEquals((await crew.stop()).code, 0);
  },
});

function fileOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
