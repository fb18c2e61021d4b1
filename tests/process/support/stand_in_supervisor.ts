/**
 * Stands in for the supervisor: starts what it is told and says so, line by line in JSON,
 * on stdout; then waits to be killed, or does one thing more.
 */
import { closeFd, openNull } from "../../../src/os/pipe.ts";
import { Reactor } from "../../../src/os/reactor.ts";
import { Containment } from "../../../src/process/containment.ts";
import { armParentDeath, becomeSessionLeader } from "../../../src/process/guard.ts";
import { reap } from "../../../src/process/reap.ts";
import { spawnProcess } from "../../../src/process/spawn.ts";

export interface SupervisorRequest {
  readonly programs: readonly { readonly name: string; readonly argv: readonly string[] }[];
  /** Kill the tree of this program when a line arrives on stdin. */
  readonly killTreeOf?: string;
  /** Exit with this code when a line arrives on stdin. */
  readonly exitCode?: number;
  /** Wait this long before a tree is killed, so that the lazy cgroups are there. */
  readonly settleMs?: number;
}

const RUN_ID = crypto.randomUUID();

function say(value: unknown): void {
  console.log(JSON.stringify(value));
}

async function main(): Promise<void> {
  const { guardPid, cgroupDir, request } = JSON.parse(Deno.args[0]!) as {
    guardPid: number;
    cgroupDir: string | null;
    request: SupervisorRequest;
  };
  becomeSessionLeader();
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"] as const) {
    Deno.addSignalListener(signal, () => {
      say({ signal });
      if (signal === "SIGTERM") Deno.exit(42);
    });
  }
  const reactor = new Reactor();
  const containment = new Containment({
    cgroupDir,
    guardPid,
    supervisorPid: Deno.pid,
    runId: RUN_ID,
    onWarning: (warning) => say({ warning }),
  });
  armParentDeath(guardPid, async () => {
    say({ guardLost: true });
    say({ rest: await containment.killRest() });
    Deno.exit(7);
  });
  const level = await containment.joinSupervisor();
  const nullFd = openNull();
  const pids = new Map<string, number>();
  for (const { name, argv } of request.programs) {
    const spawned = spawnProcess({
      executable: argv[0]!,
      argv,
      cwd: "/",
      env: [
        ["PATH", "/usr/sbin:/usr/bin:/bin"],
        ["COX_RUN", RUN_ID],
        ["COX_INSTANCE", `${name}#1`],
      ],
      umask: 0o022,
      descriptors: [0, 1, 2].map((fd) => ({ fd, source: nullFd })),
    });
    if (spawned.kind === "failed") throw new Error(`${spawned.errno} ${spawned.path}`);
    const { pid, pidfd } = spawned;
    pids.set(name, pid);
    containment.adopt(name, pid);
    reactor.watch(pidfd, () => {
      if (reap(pid).kind === "running") return;
      reactor.unwatch(pidfd);
      closeFd(pidfd);
    });
  }
  say({ supervisor: Deno.pid, level, cgroupDir, pids: Object.fromEntries(pids) });
  await Deno.stdin.read(new Uint8Array(1));
  const target = request.killTreeOf;
  if (target !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, request.settleMs ?? 0));
    const pid = pids.get(target)!;
    const strays = await containment.killTree({ processName: target, pid, instance: 1 });
    say({ strays });
    await Deno.stdin.read(new Uint8Array(1));
  }
  Deno.exit(request.exitCode ?? 0);
}

await main();
