/**
 * How a crew's processes are scheduled, read back from the kernel after the exec chain has become
 * the programs. What this machine does not let us do is refused before the start: that is
 * `exec_chain_test.ts`'s.
 */
import { assert, assertEquals } from "@std/assert";
import { readRights } from "../../src/plan/probe/rights.ts";
import { eventually, startCrew, type TestCrew } from "../support/crew.ts";

/** Numbers of sched(7). */
const POLICIES = { other: 0, fifo: 1, rr: 2, batch: 3, idle: 5, deadline: 6 } as const;
/** Without it a crew with these policies does not start. */
const CAP_SYS_NICE = 23;
const mayNot = readRights(Deno.readTextFileSync).capabilities.includes(CAP_SYS_NICE)
  ? null
  : "no CAP_SYS_NICE";

const CREW = `
import { command, defineConfig, deno } from "coxswain";
const sleeper = command(["sleep", "1000"]);
export default defineConfig({
  name: "scheduled",
  processes: {
    first: {
      run: sleeper,
      user: "nobody",
      scheduling: {
        policy: "fifo", priority: 7, cpus: [0], io: { class: "best-effort", level: 1 },
        oomScore: 300, timerSlack: "1us",
      },
    },
    second: { run: sleeper, scheduling: { policy: "rr", priority: 3, io: { class: "idle" } } },
    meek: { run: sleeper, scheduling: { policy: "batch", timerSlack: "2ms" } },
    reserved: {
      run: deno("./idle.ts"),
      scheduling: { policy: "deadline", runtime: "1ms", deadline: "50ms", period: "100ms" },
    },
    sandboxed: {
      run: deno("./idle.ts"),
      scheduling: { policy: "idle", timerSlack: "3ms", oomScore: 400, cpus: [0] },
    },
    plain: { run: sleeper },
  },
});
`;

interface Scheduled {
  readonly policy: number;
  readonly priority: number;
}

/** proc_pid_stat(5): fields 40 and 41. */
function scheduled(path: string): Scheduled {
  const text = Deno.readTextFileSync(`${path}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { policy: Number(fields[41 - 3]), priority: Number(fields[40 - 3]) };
}

function read(pid: number, name: string): string {
  return Deno.readTextFileSync(`/proc/${pid}/${name}`).trim();
}

/** The pid, once the chain has become the program. */
async function pidOf(crew: TestCrew, name: string, program: string): Promise<number> {
  const { pid } = await crew.process(name);
  assert(pid !== null, name);
  await eventually(`${name} is ${program}`, () => read(pid, "comm") === program);
  return pid;
}

function ioClass(pid: number): string {
  const { stdout } = new Deno.Command("ionice", { args: ["-p", `${pid}`] }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}

if (mayNot !== null) console.warn(`Skipped, scheduling of real processes: ${mayNot}`);

Deno.test({
  name: "the exec chain schedules processes as they are declared",
  ignore: mayNot !== null,
  async fn() {
    await using crew = await startCrew(CREW, {
      files: { "idle.ts": "setInterval(() => {}, 1000);" },
    });
    const [first, second, meek, plain] = await Promise.all(
      ["first", "second", "meek", "plain"].map((name) => pidOf(crew, name, "sleep")),
    ) as [number, number, number, number];
    assertEquals(scheduled(`/proc/${first}`), { policy: POLICIES.fifo, priority: 7 });
    assertEquals(/^Cpus_allowed_list:\s*(.*)$/m.exec(read(first, "status"))?.[1], "0");
    assertEquals(/^Uid:\s*(\d+)/m.exec(read(first, "status"))?.[1], "65534");
    assertEquals([read(first, "oom_score_adj"), ioClass(first)], ["300", "best-effort: prio 1"]);
    // A real-time thread has no timer slack, whatever was set before.
    assertEquals(read(first, "timerslack_ns"), "0");
    assertEquals(scheduled(`/proc/${second}`), { policy: POLICIES.rr, priority: 3 });
    assertEquals(ioClass(second), "idle");
    assertEquals(scheduled(`/proc/${meek}`), { policy: POLICIES.batch, priority: 0 });
    assertEquals(read(meek, "timerslack_ns"), "2000000");
    assertEquals(scheduled(`/proc/${plain}`), scheduled("/proc/self"));
    assertEquals(read(plain, "timerslack_ns"), read(Deno.pid, "timerslack_ns"));
    await checkRuntimes(crew);
    assertEquals((await crew.stop()).code, 0);
  },
});

async function checkRuntimes(crew: TestCrew): Promise<void> {
  const runtime = Deno.execPath().split("/").at(-1)!.slice(0, 15);
  const sandboxed = await pidOf(crew, "sandboxed", runtime);
  const reserved = await pidOf(crew, "reserved", runtime);
  const threadsOf = (pid: number) =>
    [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => Number(name));
  await eventually(
    "the runtimes have their threads",
    () => [sandboxed, reserved].every((pid) => threadsOf(pid).length > 2),
  );
  assertEquals(read(sandboxed, "oom_score_adj"), "400");
  for (const thread of threadsOf(sandboxed)) {
    const path = `/proc/${sandboxed}/task/${thread}`;
    assertEquals(scheduled(path), { policy: POLICIES.idle, priority: 0 }, path);
    // The kernel shows the slack under the thread's own number alone.
    assertEquals(Deno.readTextFileSync(`/proc/${thread}/timerslack_ns`).trim(), "3000000");
  }
  // The reservation is the first thread's alone: no other could have been started.
  const policies = threadsOf(reserved).map((thread) =>
    scheduled(`/proc/${reserved}/task/${thread}`).policy
  );
  assertEquals(scheduled(`/proc/${reserved}`).policy, POLICIES.deadline);
  assertEquals(policies.filter((policy) => policy === POLICIES.deadline).length, 1);
}
