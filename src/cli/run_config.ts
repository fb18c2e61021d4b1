/**
 * What `cox run` is asked for, as a configuration: one program, and for each of its ports a
 * program or a file at the other end. A port of a mailbox leads to a program of ours, `feed` or
 * `tell` of src/system/samples, and only the lines of that to a program or a file. Pure. Must
 * not know: how it is run.
 */
import { UserError } from "./exit_codes.ts";
import type { PairType, RunEnd, RunPort } from "./run_port.ts";

/** The command line, understood. */
export interface RunRequest {
  /** A module for a Deno program; else a command, looked up in PATH. */
  readonly program: string;
  readonly args: readonly string[];
  readonly ports: readonly RunPort[];
  /** Permissions by kind, as the configuration has them. */
  readonly permissions: Readonly<Record<string, readonly string[]>>;
  /** Variables that the program gets: a value, or true: ours. */
  readonly env: Readonly<Record<string, string | true>>;
  /** Where cox is: the programs that make samples of lines, and lines of samples, are its own. */
  readonly coxDir: string;
}

type MailboxEnd = Extract<RunEnd, { kind: "mailbox" }>;

/** Name of the program in the configuration. */
export const RUN_PROCESS = "program";
/** Names of the processes that stand for this terminal begin so; they are never started. */
export const RUN_TERMINAL = "terminal";
/** Name of the process that makes samples of the lines of our stdin. */
export const RUN_STDIN = "stdin-feed";
/** Names of the processes that read or write a file for the program begin so. */
export const RUN_FILE = "file-";
/** What has another name is a command. */
const MODULE = /\.[cm]?[jt]sx?$/;
/** How long the program is held up by a reader of its samples that takes none. */
const BLOCK_FOR = "1h";
const PERMISSIONS = ["read", "write", "net", "env", "sys", "run", "ffi", "import"];

/**
 * Parses `--allow KIND=LIST`.
 *
 * @throws {UserError} for another kind, or without a list.
 */
export function parsePermissions(texts: readonly string[]): Record<string, readonly string[]> {
  const found: Record<string, string[]> = {};
  for (const text of texts) {
    const [, kind = "", list = ""] = /^([^=]*)=(.+)$/s.exec(text) ?? [];
    if (!PERMISSIONS.includes(kind)) {
      throw new UserError(
        `Option --allow must be KIND=LIST with KIND one of ${PERMISSIONS.join(", ")}, is "${text}"`,
      );
    }
    found[kind] = [...found[kind] ?? [], ...list.split(",")];
  }
  return found;
}

/** Parses `--env NAME` and `--env NAME=VALUE`. */
export function parseEnvironment(texts: readonly string[]): Record<string, string | true> {
  return Object.fromEntries(texts.map((text) => {
    const at = text.indexOf("=");
    return at < 0 ? [text, true as const] : [text.slice(0, at), text.slice(at + 1)];
  }));
}

/**
 * The configuration, for the checks of any other.
 *
 * @param request What is asked for.
 */
export function runConfig(request: RunRequest): unknown {
  const { program, args, ports, permissions, env } = request;
  const isModule = MODULE.test(program);
  if (!isModule && Object.keys(permissions).length > 0) {
    throw new UserError(`Option --allow is for Deno programs; "${program}" is run as a command`);
  }
  const run = isModule
    ? { kind: "deno", path: program, args, permissions }
    : { kind: "command", argv: [program, ...args] };
  const once = { restart: { policy: "temporary" } };
  const processes: Record<string, unknown> = { [RUN_PROCESS]: { run, env, ...once } };
  const channels: Record<string, unknown> = {};
  const lines: { readonly from: string; readonly to: string }[] = [];
  checkTerminal(ports);
  for (const [at, { name, end }] of ports.entries()) {
    const port = `${RUN_PROCESS}.${name}`;
    if (Object.hasOwn(channels, name)) {
      throw new UserError(`Option --port names "${name}" twice`);
    }
    if (end.kind === "listen") {
      channels[name] = { kind: "listen", server: port, clients: "anyone", ...addressOf(end) };
      continue;
    }
    const stream = end.kind === "mailbox" ? end.lines : end;
    const other = end.kind === "terminal"
      ? RUN_TERMINAL
      : `${stream?.kind === "file" ? RUN_FILE : "port-"}${at + 1}`;
    if (end.kind === "mailbox") {
      const reads = end.direction === "read";
      const peer = !reads ? `tell-${at + 1}` : end.lines === null ? RUN_STDIN : `feed-${at + 1}`;
      processes[peer] = { run: peerRun(name, end, request.coxDir), ...once };
      channels[name] = mailboxOf(port, `${peer}.samples`, end);
      if (end.lines === null) continue;
      processes[other] = { run: { kind: "command", argv: otherArgv(end.lines) }, ...once };
      lines.push(
        reads
          ? { from: `${other}.stdout`, to: `${peer}.stdin` }
          : { from: `${peer}.stdout`, to: `${other}.stdin` },
      );
      continue;
    }
    processes[other] = { run: { kind: "command", argv: otherArgv(end) }, ...once };
    channels[name] = end.kind === "terminal"
      ? { kind: "pair", between: [port, `${other}.link`] }
      : end.kind === "pair"
      ? pairOf(port, other, end.type)
      : end.direction === "read"
      ? { kind: "pipe", from: `${other}.stdout`, to: port }
      : { kind: "pipe", from: port, to: `${other}.stdin` };
  }
  for (const [at, ends] of lines.entries()) {
    // The ports have their names from the command line.
    let name = `lines-${at + 1}`;
    while (Object.hasOwn(channels, name)) name = `${name}_`;
    channels[name] = { kind: "pipe", ...ends };
  }
  return { name: "run", processes, channels };
}

/** What is read from it has one reader, and lines one writer: those of two would be torn apart. */
function checkTerminal(ports: readonly RunPort[]): void {
  const whole = ports.filter(({ end }) => end.kind === "terminal").length;
  const mailboxes = (direction: "read" | "write") =>
    ports.filter(({ end }) =>
      end.kind === "mailbox" && end.direction === direction && end.lines === null
    ).length;
  const [read, written] = [mailboxes("read"), mailboxes("write")];
  if (whole > 1) throw new UserError("Only one --port can be this terminal (NAME=-)");
  if (whole + read > 1) {
    throw new UserError("Only one --port can read this terminal (NAME=-, NAME=mailbox:SHAPE<-)");
  }
  if (whole + written > 1) {
    throw new UserError(
      "Only one --port can write to this terminal (NAME=-, NAME=mailbox:SHAPE>-)",
    );
  }
}

/** Every sample goes over, however slow the other side is: the program waits as on a full pipe. */
function mailboxOf(port: string, peer: string, { shape, direction }: MailboxEnd): object {
  const { sampleBytes, schema, slots } = shape;
  return {
    kind: "mailbox",
    from: direction === "read" ? peer : port,
    to: direction === "read" ? port : peer,
    ...schema === null ? { sampleBytes: `${sampleBytes}B` } : { schema },
    ...slots === null ? {} : { slots },
    history: "keepAll",
    overflow: "block",
    blockFor: BLOCK_FOR,
    resume: "where-it-was",
  };
}

/** A program of ours: it is told the name of the port, for messages, and what a sample is. */
function peerRun(name: string, { shape, direction }: MailboxEnd, coxDir: string): object {
  const path = `${coxDir}/src/system/samples/${direction === "read" ? "feed" : "tell"}.ts`;
  return { kind: "deno", path, args: [name, `${shape.sampleBytes}`, JSON.stringify(shape.schema)] };
}

function pairOf(port: string, other: string, type: PairType): object {
  const between = [port, `${other}.link`];
  return { kind: "pair", between, type, ...(type === "datagram" ? { ends: "hold" } : {}) };
}

function otherArgv(end: Exclude<RunEnd, MailboxEnd>): string[] {
  switch (end.kind) {
    case "file": {
      const script = end.direction === "read" ? 'exec cat < "$1"' : 'exec cat > "$1"';
      return ["/bin/sh", "-c", script, "sh", end.path];
    }
    case "shell":
      return ["/bin/sh", "-c", end.command];
    case "pair":
      // Its one port is descriptor 4.
      return ["/bin/sh", "-c", `exec <&4 >&4 4>&-\n${end.command}`];
    case "terminal":
    case "listen":
      return ["/bin/true"];
  }
}

function addressOf({ address }: Extract<RunEnd, { kind: "listen" }>): object {
  if (!/^[0-9]+$/.test(address)) return { unix: { path: address } };
  return { tcp: { port: Number(address) } };
}
