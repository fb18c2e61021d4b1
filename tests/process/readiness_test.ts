/** Readiness in every way that the configuration offers, with programs that know nothing of us. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { eventually, startCrew, type TestCrew } from "../support/crew.ts";

/** Whether a program is installed; a test that needs it is skipped without, and says so. */
function installed(...paths: string[]): boolean {
  const found = paths.every((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
  if (!found) console.log(`skipped: needs ${paths.join(", ")}`);
  return found;
}

async function becomesReady(crew: TestCrew, name: string): Promise<void> {
  const { processes } = await crew.until(
    `${name} is ready`,
    ({ processes }) => processes[name]!.state === "running",
  );
  assertEquals(processes[name]!.restarts, 0, crew.output());
  const states = crew.events().flatMap((event) =>
    event.event === "state" && event.process === name ? [event.to] : []
  );
  assertEquals(states.includes("starting"), true, "it was starting before it was ready");
}

function one(run: string, ready: string, more = ""): string {
  return `
import { command, defineConfig, deno } from "coxswain";
export default defineConfig({
  name: "one",
  processes: { one: { run: ${run}, ready: ${ready}, ${more} } },
});`;
}

Deno.test("ready by notify: systemd-notify is accepted, its barrier answered, nothing leaks", {
  ignore: !installed("/usr/bin/systemd-notify"),
}, async () => {
  const script =
    `systemd-notify --status=warming; systemd-notify --ready; echo notify-exit $? > code.txt; exec sleep 1000`;
  await using crew = await startCrew(
    one(`command(["sh", "-c", ${JSON.stringify(script)}])`, `{ by: "notify", within: "20s" }`),
  );
  await becomesReady(crew, "one");
  await crew.until(
    "the status is known",
    ({ processes }) => processes.one!.statusText === "warming",
  );
  // It ends only after the barrier was answered, which may be after READY was heard.
  const code = () => Deno.readTextFileSync(`${crew.projectDir}/code.txt`);
  await eventually("systemd-notify has ended", () => {
    try {
      return code().endsWith("\n");
    } catch {
      return false;
    }
  });
  assertEquals(code(), "notify-exit 0\n");
});

Deno.test("ready by notify: redis-server --supervised systemd", {
  ignore: !installed("/usr/bin/redis-server"),
}, async () => {
  const argv =
    `["redis-server", "--port", "0", "--unixsocket", "redis.sock", "--supervised", "systemd", "--save", ""]`;
  await using crew = await startCrew(one(`command(${argv})`, `{ by: "notify", within: "20s" }`));
  await becomesReady(crew, "one");
});

Deno.test("ready by notify: haproxy -Ws", { ignore: !installed("/usr/sbin/haproxy") }, async () => {
  const files = {
    "haproxy.cfg": `
defaults
  mode http
  timeout connect 1s
  timeout client 1s
  timeout server 1s
frontend f
  bind unix@front.sock
  http-request return status 200
`,
  };
  await using crew = await startCrew(
    one(
      `command(["/usr/sbin/haproxy", "-Ws", "-f", "haproxy.cfg"])`,
      `{ by: "notify", within: "20s" }`,
      `stop: { signal: "SIGUSR1", timeout: "5s" }`,
    ),
    { files },
  );
  await becomesReady(crew, "one");
});

Deno.test("ready by notify: a python3-systemd program", {
  ignore: !installed("/usr/lib/python3/dist-packages/systemd/daemon.py"),
}, async () => {
  const files = {
    "service.py": `
import time
from systemd import daemon
daemon.notify("STATUS=working")
daemon.notify("READY=1")
time.sleep(1000)
`,
  };
  await using crew = await startCrew(
    one(`command(["/usr/bin/python3", "service.py"])`, `{ by: "notify", within: "20s" }`),
    { files },
  );
  await becomesReady(crew, "one");
});

Deno.test("ready by notify: a Deno program without any permission calls ready()", async () => {
  const files = {
    "service.ts": `
import { ready } from "coxswain/child";
await ready();
setInterval(() => {}, 1000);
`,
  };
  await using crew = await startCrew(
    one(`deno("./service.ts")`, `{ by: "notify", within: "20s" }`),
    { files },
  );
  await becomesReady(crew, "one");
});

Deno.test("ready by fd: a newline on s6's notification descriptor", async () => {
  await using crew = await startCrew(
    one(
      `command(["sh", "-c", "sleep 0.05; echo >&5; exec sleep 1000"])`,
      `{ by: "fd", fd: 5, within: "20s" }`,
    ),
  );
  await becomesReady(crew, "one");
});

for (const stream of ["stdout", "stderr"] as const) {
  Deno.test(`ready by line on ${stream}: the pattern counts, and an earlier instance's line does not`, async () => {
    const redirect = stream === "stderr" ? " >&2" : "";
    // The second instance never says the line: it must not live on the first one's.
    const script =
      `case $COX_INSTANCE in *#1) echo listening on 80${redirect}; sleep 0.2; exit 1;; *) exec sleep 1000;; esac`;
    await using crew = await startCrew(
      one(
        `command(["sh", "-c", ${JSON.stringify(script)}])`,
        `{ by: "line", pattern: "^listening on [0-9]+$", stream: "${stream}", within: "3s" }`,
        `restart: { policy: "permanent", backoff: { initial: "10s", max: "10s" } }`,
      ),
    );
    await crew.until(
      "the first instance was ready",
      () =>
        crew.events().some((event) =>
          event.event === "state" && event.to === "running" && event.instance === 1
        ),
    );
    await crew.until(
      "the second missed its time",
      () =>
        crew.events().some((event) =>
          event.event === "exit" && event.instance === 2 && event.reason.kind === "signal" &&
          event.reason.cause === "ready-timeout"
        ),
    );
  });
}

Deno.test("a readiness timeout is a failure with its own reason", async () => {
  await using crew = await startCrew(
    one(
      `command(["sleep", "1000"])`,
      `{ by: "notify", within: "100ms" }`,
      `restart: { policy: "temporary" }`,
    ),
    { waitForControl: false, args: ["--summary", "summary.json"] },
  );
  assertEquals((await crew.ended()).code, 111, crew.output());
  const { one: process } = JSON.parse(
    Deno.readTextFileSync(`${crew.projectDir}/summary.json`),
  ).processes;
  assertEquals(process.state, "failed");
  assertEquals(process.lastExit.cause, "ready-timeout");
});

Deno.test("a message from a process that is no descendant is refused and recorded", async () => {
  await using crew = await startCrew(
    one(`command(["sleep", "1000"])`, `{ by: "notify", within: "20s" }`),
  );
  await crew.until("it starts", ({ processes }) => processes.one!.state === "starting");
  const socket = [...Deno.readDirSync(`${crew.runDir}/notify`)][0]!;
  const script = `
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b"READY=1", ${JSON.stringify(`${crew.runDir}/notify/${socket.name}`)})
import time; time.sleep(1000)
`;
  const sender = new Deno.Command("python3", { args: ["-c", script] }).spawn();
  const refused = () => crew.events().filter(({ event }) => event === "notifyRefused");
  try {
    // Who sent it is looked up, which takes a sender that is there.
    await eventually("it is refused", () => refused().length > 0);
  } finally {
    sender.kill("SIGKILL");
    await sender.status;
  }
  assertEquals((await crew.process("one")).state, "starting");
  assertEquals(refused().length, 1);
  assertStringIncludes(JSON.stringify(refused()[0]), "descendant");
});
