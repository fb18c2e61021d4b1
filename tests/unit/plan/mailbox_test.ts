import { assert, assertEquals } from "@std/assert";
import { keepAll, keepLast, mailbox } from "../../../src/config/define.ts";
import { formatGraph } from "../../../src/plan/graph_format.ts";
import { formatMailbox, mailboxReports } from "../../../src/plan/mailbox_report.ts";
import { permissionReport } from "../../../src/plan/permission_report.ts";
import type { MailboxPlan } from "../../../src/plan/plan.ts";
import {
  commandProcess,
  compiled,
  crew,
  denoProcess,
  machine,
  onlyError,
  processNamed,
} from "./fixtures.ts";

const box = mailbox({
  from: "cam.frames",
  to: ["see.frames", {
    port: "rec.in",
    wait: "park",
    resume: "where-it-was",
    checked: true,
    lifespan: "5ms",
    latency: { within: "30ms" },
  }],
  sampleBytes: "4KiB",
  slots: 8,
  history: keepLast(4),
  spin: "5us",
  lifespan: "1s",
  latency: { within: "20ms" },
});
const processes = () => ({ cam: denoProcess(), see: denoProcess(), rec: commandProcess() });
const plan = () => compiled(crew(processes(), { channels: { frames: box } }));

/** What a preload is told: it is in its text, twice as JSON. */
function requestOf(argv: readonly string[]) {
  const preload = argv.find((argument) => argument.startsWith("--preload="))!;
  const text = decodeURIComponent(preload);
  const given = /await seal\(JSON\.parse\((".*?")\)\);const freeze/s.exec(text);
  return given === null ? null : JSON.parse(JSON.parse(given[1]!));
}

Deno.test("compile() gives a mailbox its shape and each end its ways, the consumer's own first", () => {
  const channel = plan().channels[0] as MailboxPlan;
  assertEquals(channel.shape, {
    slots: 8,
    sampleBytes: 4096,
    history: "keepLast",
    keep: 4,
    consumers: 2,
    checksum: "none",
    schemaHash: [0, 0],
  });
  assertEquals(channel.producer, {
    waiting: "spin-then-park",
    spinNs: 5000,
    checked: false,
    blockNs: 0,
  });
  assertEquals(channel.consumers.map(({ port: _, ...rest }) => rest), [
    {
      waiting: "spin-then-park",
      spinNs: 5000,
      checked: false,
      behind: "oldest",
      from: "newest",
      lifespanNs: 1e9,
      latencyNs: 2e7,
      pathLimitsNs: [],
    },
    {
      waiting: "park",
      spinNs: 5000,
      checked: true,
      behind: "oldest",
      from: "resume",
      lifespanNs: 5e6,
      latencyNs: 3e7,
      pathLimitsNs: [],
    },
  ]);
});

Deno.test("compile() hands each end its parts: consumers read samples, the producer reads pages", () => {
  const partsOf = (name: string) =>
    processNamed(plan(), name).descriptors.flatMap((entry) =>
      entry.kind === "mailbox" ? [[entry.fd, entry.part, entry.consumer, entry.access]] : []
    );
  assertEquals(partsOf("cam"), [
    [4, "samples", -1, "write"],
    [5, "page", 0, "read"],
    [6, "page", 1, "read"],
    [7, "doorbell", 0, "write"],
    [8, "doorbell", 1, "write"],
  ]);
  assertEquals(partsOf("see"), [
    [4, "samples", -1, "read"],
    [5, "page", 0, "write"],
    [6, "doorbell", 0, "read"],
  ]);
  assertEquals(partsOf("rec")[1], [5, "page", 1, "write"]);
});

Deno.test("compile() seals a Deno program on a mailbox: it maps before the program, which has no descriptor", () => {
  const see = processNamed(plan(), "see");
  assert(see.argv.includes("--allow-ffi"));
  const { segments, mailboxes, closeOnExec, pulse } = requestOf(see.argv);
  assertEquals(segments.map(({ fd, access }: { fd: number; access: string }) => [fd, access]), [
    [4, "read"],
    [5, "read-write"],
  ]);
  assertEquals([mailboxes.length, mailboxes[0].role, pulse], [1, "consumer", null]);
  assertEquals(closeOnExec, [3, 6]);
  const [link] = JSON.parse(Object.fromEntries(see.env)["COX_LINKS"]!).links;
  assertEquals([link.fd, link.mailbox.samplesFd, link.mailbox.pageFds], [-1, -1, [-1]]);
  assertEquals(link.mailbox.doorbellFds, [6]);
  const rec = processNamed(plan(), "rec");
  const [told] = JSON.parse(Object.fromEntries(rec.env)["COX_LINKS"]!).links;
  assertEquals([told.kind, told.direction, told.fd], ["mailbox", "read", 4]);
  assertEquals([told.mailbox.number, told.mailbox.pageFds], [1, [5]]);
  assertEquals([link.mailbox.lifespanNs, told.mailbox.lifespanNs], [1e9, 5e6]);
});

Deno.test("compile() counts a port of a mailbox as its descriptors, around readiness by one of them", () => {
  const rec = commandProcess({ ready: { by: "fd", fd: 6 } });
  const next = mailbox({ from: "rec.out", to: "see.out", sampleBytes: "1B" });
  const plan = compiled(crew({ ...processes(), rec }, { channels: { frames: box, next } }));
  const [frames, out] = plan.channels as readonly MailboxPlan[];
  assertEquals(frames!.consumers[1]!.port.fd, 7, "not 4: 6 is among its three");
  assertEquals(out!.from.fd, 10);
  assertEquals(out!.consumers[0]!.port.fd, 7);
});

Deno.test("compile() refuses to a sealed program what opens the seal", () => {
  const refused = [
    [{ run: ["git"] }, "processes.see.run.permissions.run"],
    [{ ffi: ["./lib.so"] }, "processes.see.run.permissions.ffi"],
    [{ sys: ["inspector"] }, "processes.see.run.permissions.sys.0"],
    [{ sys: [""] }, "processes.see.run.permissions.sys.0"],
    [{ write: ["."] }, "processes.see.run.permissions.write.0"],
    [{ write: ["/run/cox"] }, "processes.see.run.permissions.write.0"],
    [{ write: ["/opt"] }, "processes.see.run.permissions.write.0"],
  ] as const;
  for (const [permissions, path] of refused) {
    const see = denoProcess({ permissions });
    const config = crew({ ...processes(), see }, { channels: { frames: box } });
    assertEquals(onlyError(config).path.join("."), path);
  }
  for (const name of ["NODE_OPTIONS", "DENO_V8_FLAGS", "LD_PRELOAD"]) {
    const see = denoProcess({}, { env: { [name]: "x" } });
    const issue = onlyError(crew({ ...processes(), see }, { channels: { frames: box } }));
    assertEquals(issue.path.join("."), `processes.see.env.${name}`);
  }
});

Deno.test("compile() refuses mailboxes that the machine has no memory for, with both figures", () => {
  const config = crew(processes(), { channels: { frames: box } });
  const bytes = 4096 + 8 * 8192 + 2 * 4096;
  const memory = (bytes: number, segmentBytesMax = 2 ** 40, hugeBytes = 0) =>
    machine({ memory: { bytes, what: "this machine", segmentBytesMax, hugeBytes } });
  compiled(config, memory(bytes));
  const issue = onlyError(config, memory(bytes - 1));
  assertEquals(issue.path, ["channels", "frames"]);
  assertEquals(
    issue.message,
    `the mailboxes take 76KiB (this one 76KiB), and this machine has ${bytes - 1}B`,
  );
  const segment = 4096 + 8 * 8192;
  compiled(config, memory(bytes, segment));
  assertEquals(
    onlyError(config, memory(bytes, segment - 1)).message,
    `its samples take 68KiB, and a file of cox's may have ${segment - 1}B (RLIMIT_FSIZE), ` +
      "memory included",
  );
  // Huge pages were set aside, and are no part of what there is besides.
  const huge = crew(processes(), { channels: { frames: { ...box, hugePages: true } } });
  compiled(huge, memory(0, 2 ** 40, 2 ** 21));
  assertEquals(onlyError(huge, memory(0, 2 ** 40, 2 ** 21 - 1)).path, ["channels", "frames"]);
  assertEquals(onlyError(config, memory(0, 2 ** 40, 2 ** 21)).path, ["channels", "frames"]);
});

Deno.test("compile() leaves the consumers out that the profiles leave out, and moves no descriptor", () => {
  const config = crew({ ...processes(), see: denoProcess({}, { profiles: ["seeing"] }) }, {
    channels: { frames: box },
  });
  const channel = compiled(config).channels[0] as MailboxPlan;
  assertEquals(channel.shape.consumers, 1);
  assertEquals(channel.consumers[0]!.port.port, "in");
  assertEquals(channel.from.fd, 4);
});

Deno.test("mailboxReports() calls a mailbox trusted whose command could write to it", () => {
  const [report] = mailboxReports(plan());
  assertEquals([report!.access, report!.trusted], ["trusted", ["rec"]]);
  assertEquals(
    formatMailbox(report!),
    "frames: cam.frames to see.frames, rec.in; 8 samples of up to 4KiB, 76KiB, " +
      "keeps the newest 4; trusted: rec could write to it (a command: give it a user of its own)",
  );
  const own = { ...processes(), rec: commandProcess({ user: "www" }) };
  const [kernel] = mailboxReports(compiled(crew(own, { channels: { frames: box } })));
  assertEquals([kernel!.access, kernel!.trusted], ["kernel", []]);
  const shared = { ...own, cam: commandProcess({ user: "www" }) };
  const [both] = mailboxReports(compiled(crew(shared, { channels: { frames: box } })));
  assertEquals(both!.trusted, ["rec"], "who may trace the producer has its descriptors");
});

Deno.test("cox permissions and cox graph know mailboxes", () => {
  assertEquals(
    /^see\n.*$/m.exec(permissionReport(plan(), "/opt/cox", "text"))![0],
    "see\n  --allow-ffi (for the seal; given up before its first line)",
  );
  const text = formatGraph(plan(), "text");
  assert(
    text.includes("frames (mailbox, 8 slots of 4KiB, keeps 4): cam.frames => see.frames + rec.in"),
  );
  assert(formatGraph(plan(), "mermaid").includes('==>|"frames"|'));
  assert(formatGraph(plan(), "dot").includes('"cam" -> "rec"'));
  const drawn = JSON.parse(formatGraph(plan(), "json")).channels[0];
  assertEquals([drawn.kind, drawn.to.length], ["mailbox", 2]);
});

Deno.test("compile() makes a keepAll mailbox block for as long as it says", () => {
  const of = (options: object) =>
    (compiled(crew(processes(), {
      channels: {
        box: mailbox({
          from: "cam.x",
          to: "see.x",
          sampleBytes: "1B",
          history: keepAll,
          ...options,
        }),
      },
    })).channels[0] as MailboxPlan).producer.blockNs;
  assertEquals([of({}), of({ blockFor: "2s" }), of({ overflow: "fail" })], [1e8, 2e9, 0]);
});
