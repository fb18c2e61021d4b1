/**
 * Defaults and limits of a configuration as plain data, units as a user would write them.
 * The schema documents them and the compilation applies them, so that the two cannot
 * disagree. Must not know: either of these.
 */

/** What a key means when it is absent. */
export const DEFAULTS = {
  umask: "0022",
  /** Variables of cox's own environment that every process gets where they are set. */
  envPassed: ["PATH", "HOME", "LANG", "TZ"],
  replicas: 1,
  critical: false,
  nice: 0,
  ready: { by: "started", stream: "stdout", within: "30s" },
  restart: {
    policy: "permanent",
    successCodes: [0],
    backoff: { initial: "100ms", factor: 2, max: "30s", jitter: 0.1, resetAfter: "10s" },
  },
  stop: { signal: "SIGTERM", timeout: "5s", scope: "process-then-group" },
  finish: { timeout: "5s" },
  deadlines: {
    miss: "warn",
    broken: [],
    /** A hard contract: any miss breaks it. */
    tolerate: { misses: 0, in: 1 },
    recoverAfter: 1,
    critical: false,
    runTimeout: "5s",
    heartbeat: { by: "client" },
    cycle: { offset: "0ms" },
    checkpoints: { warnAt: 0 },
  },
  /** `ioLevel`: the kernel's own for a niceness of 0 (ioprio_set(2)). */
  scheduling: { lockMemory: false, ioLevel: 4 },
  watchdog: { device: "/dev/watchdog", timeout: "10s" },
  group: { strategy: "one_for_one", intensity: 5, period: "10s" },
  /** Budget of the root group where `intensity` is given and `period` is not. */
  root: { period: "10s" },
  /** `capacity` is the kernel's default pipe size (pipe(7)). */
  pipe: { capacity: "64KiB", producerEnds: "eof", consumerEnds: "epipe" },
  /** Of a pipe with `framing`. `rate.burst`: what comes in a second, and one largest message. */
  relay: {
    maxMessage: "64KiB",
    onMalformed: "drop",
    overflow: "block",
    highWater: { messages: 1024, bytes: "1MiB" },
    rate: { overflow: "block" },
  },
  pair: { type: "stream", ends: "eof" },
  /** `mode`: for anyone; a socket for declared clients is its group's alone. */
  listen: { backlog: 1024, lazy: false, host: "127.0.0.1", mode: "0666", clientsMode: "0660" },
  mailbox: {
    slots: 8,
    overflow: "block",
    blockFor: "100ms",
    wait: "spin-then-park",
    behind: "oldest",
    resume: "newest",
    checksum: "none",
    lock: false,
    hugePages: false,
    checked: false,
  },
} as const;

/** The largest or smallest value that a key accepts. */
export const LIMITS = {
  nameLength: 63,
  processesMax: 1000,
  groupsMax: 1000,
  channelsMax: 1000,
  /** Of one process, besides the standard streams: their list has to fit into one argument. */
  portsMax: 100,
  replicasMax: 1000,
  /** Processes after replication. */
  instancesMax: 4000,
  argvMax: 1000,
  /** MAX_ARG_STRLEN of Linux less the terminating NUL (execve(2)): one argument or `NAME=value`. */
  textBytesMax: 131_071,
  envMax: 1000,
  envFilesMax: 100,
  permissionsMax: 1000,
  profilesMax: 100,
  successCodesMax: 256,
  patternLength: 1000,
  /** 2^32 - 2: 2^32 - 1 is "no change" to setuid(2). */
  idMax: 4_294_967_294,
  niceMin: -20,
  niceMax: 19,
  fdMin: 3,
  fdMax: 63,
  factorMin: 1,
  factorMax: 100,
  intensityMax: 10_000,
  backoffMin: "1ms",
  resetAfterMin: "100ms",
  withinMin: "1ms",
  periodMin: "1ms",
  /** net.core.somaxconn is 4096 by default (listen(2)); a machine may have raised it. */
  backlogMax: 65_535,
  /** The runtime never accepts again once it has met EMFILE; far below any usual limit. */
  connectionsMax: 65_535,
  perSecondMax: 1_000_000,
  /** `sun_path` of unix(7), without its NUL. */
  socketPathBytesMax: 107,
  /** The kernel rounds a pipe up to a page. */
  pipeMin: "4KiB",
  /** One message is held in memory whole. */
  messageMin: "1B",
  messageMax: "256MiB",
  /** Of a queue: 16 bytes are kept beside each message. */
  queueMessagesMax: 1_000_000,
  queueBytesMax: "1GiB",
  lifespanMin: "1ms",
  rateMin: 0.001,
  rateMax: 10_000_000,
  /** One for each producer and each consumer. */
  relayedEndsMax: 100,
  /** Replicas one by one: what `@relay` is told of a channel has to fit into 64 KiB. */
  relayedProducersMax: 400,
  /** A stall is looked for by asking, a few times within this. */
  stallAfterMin: "10ms",
  stallActionsMax: 10,
  /** The monitor's own lateness is a part of a millisecond: less could not be told from it. */
  contractMin: "50us",
  cycleMin: "100us",
  toleranceWindowMax: 1024,
  recoverAfterMax: 1_000_000,
  missActionsMax: 10,
  /** Of one process: its stamps have to fit into its pages. */
  pulseLinesMax: 60,
  stepsMax: 64,
  pathsMax: 1000,
  /** Of a crew, replicas one by one: what one thread can watch with room to spare. */
  contractsMax: 20_000,
  pathChannelsMax: 64,
  /** CPU_SETSIZE of sched_setaffinity(2) is 1024. */
  cpuMax: 1023,
  cpusMax: 1024,
  /** The device counts whole seconds, and is stroked four times in each timeout. */
  watchdogMin: "1s",
  /** A mailbox's own, as `channel/mailbox/layout.ts` has them. */
  sampleMin: "1B",
  sampleMax: "1GiB",
  fieldMax: 1_073_741_824,
  slotsMin: 2,
  slotsMax: 1_048_576,
  mailboxConsumersMax: 64,
  blockForMin: "1us",
  spinMin: "1us",
  /** F_SETPIPE_SZ's largest argument is 2^31 (fcntl(2)); powers of two below it. */
  pipeMax: "1GiB",
  /** prlimit's count limits: the kernel's nr_open is at most this. */
  countLimitMax: 2_147_483_584,
} as const;
