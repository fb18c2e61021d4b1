/** Configurations that the tests start from. */
import { validateConfig, type Validation } from "../../../src/config/validate.ts";

/** JSON data that a test may change. */
// deno-lint-ignore no-explicit-any
export type Data = any;

/** The smallest process. */
export const RUN = { kind: "command", argv: ["true"] };

/** A configuration of one process `a` with these keys. */
export function withProcess(keys: Data): Data {
  return { name: "crew", processes: { a: { run: RUN, ...keys } } };
}

/** A configuration that uses every key. */
export function fullConfig(): Data {
  return {
    name: "full",
    intensity: 3,
    period: "1m",
    processes: {
      sampler: {
        run: {
          kind: "deno",
          path: "./sampler.ts",
          args: ["--fast", ""],
          permissions: {
            read: ["./data"],
            write: ["./out"],
            net: ["127.0.0.1:8080"],
            env: ["LOG_LEVEL"],
            sys: ["loadavg", "cpus"],
            run: ["ls"],
            ffi: ["/usr/lib/x.so"],
            import: ["jsr.io:443"],
          },
        },
        cwd: "./work",
        env: { TZ: "UTC", LOG_LEVEL: true, HOME: false, EMPTY: "" },
        envFiles: ["./common.env"],
        user: "nobody",
        group: 65_534,
        umask: "0027",
        ready: { by: "notify", within: "2s" },
        restart: {
          policy: "permanent",
          successCodes: [0, 3],
          backoff: { initial: "50ms", factor: 1.5, max: "5s", jitter: 0.2, resetAfter: "1m" },
        },
        stop: { signal: "SIGINT", timeout: "3s", scope: "group" },
        limits: {
          nofile: [1024, 4096],
          nproc: 64,
          as: "1GiB",
          fsize: ["10MiB", "unlimited"],
          core: "0B",
          memlock: "1MiB",
          cpu: "60s",
        },
        nice: 5,
        critical: true,
        scheduling: {
          policy: "batch",
          cpus: [0, 1],
          io: { class: "best-effort", level: 2 },
          oomScore: -500,
          timerSlack: "50us",
        },
        deadlines: {
          ready: { warn: "1s", within: "1500ms", miss: [] },
          heartbeat: { by: "client", within: "200ms", warn: "100ms", critical: true },
          stop: { warn: "1s" },
          cycles: {
            sample: {
              period: "20ms",
              budget: "5ms",
              warn: "4ms",
              offset: "1ms",
              late: "2ms",
              tolerate: { misses: 2, in: 50 },
              miss: { signal: "SIGUSR2" },
              broken: ["restart", "warn"],
              recoverAfter: 10,
            },
          },
          checkpoints: {
            frame: {
              steps: ["take", { name: "judge", within: "10ms" }, "send"],
              within: "5ms",
              warnAt: 0.8,
              miss: ["warn", { run: { kind: "command", argv: ["logger", "late"] }, timeout: "1s" }],
            },
          },
        },
        profiles: ["live", "test"],
      },
      migrate: {
        run: { kind: "command", argv: ["sh", "-c", "echo done"] },
        restart: { policy: "temporary" },
        deadlines: { run: { within: "1m", miss: "stop", broken: "fail-group" } },
        scheduling: { policy: "deadline", runtime: "1ms", deadline: "5ms", period: "10ms" },
        finish: { run: { kind: "command", argv: ["logger", "ended"] }, timeout: "1s" },
      },
      build: {
        run: { kind: "task", name: "build", args: ["-v"] },
        restart: { policy: "transient" },
        ready: { by: "line", pattern: "^listening on \\d+", stream: "stderr", within: "10s" },
      },
      recorder: {
        run: { kind: "command", argv: ["cat"] },
        after: { sampler: "ready", migrate: "completed", build: "started" },
        ready: { by: "fd", fd: 5, within: "500ms" },
        profiles: ["live", "test"],
        deadlines: { heartbeat: { by: "notify", within: "1s", miss: "safe-mode" } },
      },
      worker: {
        run: { kind: "command", argv: ["sleep", "1"] },
        replicas: 3,
        deadlines: { heartbeat: { by: { channel: "frames" }, within: "1s" } },
      },
    },
    groups: {
      pipeline: {
        members: ["sampler", "recorder"],
        strategy: "rest_for_one",
        intensity: 5,
        period: "10s",
      },
      all: { members: ["pipeline", "worker"], strategy: "one_for_all" },
    },
    channels: {
      readings: {
        kind: "pipe",
        from: "sampler.stdout",
        to: "recorder.stdin",
        capacity: "1MiB",
        producerEnds: "hold",
        consumerEnds: "hold",
      },
      complaints: {
        kind: "pipe",
        from: "sampler.stderr",
        to: "worker.stdin",
        stall: { after: "1s", action: "event" },
      },
      frames: {
        kind: "pipe",
        from: ["sampler.frames", "worker.frames"],
        to: [
          "recorder.frames",
          {
            port: "build.stdin",
            overflow: "drop-oldest",
            highWater: { messages: 30, bytes: "64MiB" },
            lifespan: "500ms",
            latency: { within: "60ms" },
          },
        ],
        deadline: { within: "50ms", warn: "40ms", broken: "restart" },
        latency: { within: "30ms" },
        liveliness: { within: "1s" },
        framing: "frames",
        maxMessage: "2MiB",
        onMalformed: "end",
        overflow: "fail",
        highWater: { messages: 100 },
        lifespan: "10s",
        rate: {
          messages: 60,
          bytes: "100MiB",
          burst: { messages: 90, bytes: "2MiB" },
          overflow: "drop-newest",
        },
        capacity: "4MiB",
        producerEnds: "hold",
        consumerEnds: "hold",
        stall: {
          after: "250ms",
          action: ["warn", { signal: "SIGUSR2" }, { overflow: "drop-newest" }, "restart"],
        },
      },
      control: {
        kind: "pair",
        between: ["sampler.control", "recorder.control"],
        type: "seqpacket",
        ends: "hold",
      },
      samples: {
        kind: "listen",
        server: "recorder.samples",
        unix: { path: "./samples/socket", mode: "0660", owner: "root" },
        backlog: 64,
        clients: ["sampler"],
        lazy: false,
      },
      status: {
        kind: "listen",
        server: "recorder.status",
        tcp: { port: 8080, host: "::1" },
        clients: "anyone",
      },
      vitals: {
        kind: "mailbox",
        from: "sampler.vitals",
        to: ["recorder.vitals", {
          port: "recorder.newest",
          wait: "park",
          behind: "newest",
          resume: "where-it-was",
          lifespan: "20ms",
          checked: true,
        }],
        schema: { kind: "struct", fields: { t: "f64", values: ["f32", 250] } },
        slots: 16,
        history: { keepLast: 8 },
        spin: "50us",
        lifespan: "1s",
        checksum: "crc32c",
        lock: true,
        hugePages: false,
      },
      blocks: {
        kind: "mailbox",
        from: "sampler.blocks",
        to: "recorder.blocks",
        sampleBytes: "1MiB",
        history: "keepAll",
        overflow: "block",
        blockFor: "2s",
        wait: "spin-then-park",
        resume: "newest",
      },
    },
    paths: { frames: { through: ["frames"], to: "build", within: "100ms", warn: "80ms" } },
    safeMode: { start: ["migrate"] },
    supervisor: {
      scheduling: { policy: "fifo", priority: 50, cpus: [1], lockMemory: true },
      watchdog: { device: "/dev/watchdog0", timeout: "20s" },
    },
  };
}

/** Validates and shows each issue as `path | message | fix`. */
export function issuesOf(raw: Data): string[] {
  return linesOf(validateConfig(raw));
}

/** Each issue as `path | message | fix`. */
export function linesOf(result: Pick<Validation, "issues">): string[] {
  return result.issues.map((issue) =>
    [issue.path.join("."), issue.message, issue.fix].filter((each) => each !== null).join(" | ")
  );
}
