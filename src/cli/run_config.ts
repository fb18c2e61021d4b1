/**
 * What `cox run` is asked for, as a configuration: one program, and for each of its ports a
 * program or a file at the other end. Pure. Must not know: how it is run.
 */
import { UserError } from "./exit_codes.ts";

type PairType = "stream" | "seqpacket" | "datagram";

/** What is at the other end of a port. */
export type RunEnd =
  /** The program reads a file, or writes one anew. */
  | { readonly kind: "file"; readonly direction: "read" | "write"; readonly path: string }
  /** The program reads what a command of the shell writes, or the reverse. */
  | { readonly kind: "shell"; readonly direction: "read" | "write"; readonly command: string }
  /** A socket to a command of the shell, which has it as its stdin and stdout. */
  | { readonly kind: "pair"; readonly type: PairType; readonly command: string }
  /** What it reads is our stdin, what it writes goes to our stdout. */
  | { readonly kind: "terminal" }
  /** It accepts connections. */
  | { readonly kind: "listen"; readonly address: string };

/** A port and its other end. */
export interface RunPort {
  readonly name: string;
  readonly end: RunEnd;
}

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
}

/** Name of the program in the configuration. */
export const RUN_PROCESS = "program";
/** Names of the processes that stand for this terminal begin so; they are never started. */
export const RUN_TERMINAL = "terminal";
/** What has another name is a command. */
const MODULE = /\.[cm]?[jt]sx?$/;
const STREAMS = ["stdin", "stdout", "stderr"];
const PERMISSIONS = ["read", "write", "net", "env", "sys", "run", "ffi", "import"];

/**
 * Parses `--port`: `NAME=-`, `NAME=<FILE`, `NAME=>FILE`, `NAME=<|COMMAND`, `NAME=>|COMMAND`,
 * `NAME=<>|COMMAND`, `NAME=seqpacket|COMMAND`, `NAME=datagram|COMMAND`, `NAME=listen:PORT`,
 * `NAME=listen:PATH`.
 *
 * @throws {UserError} when it is none of these.
 */
export function parsePort(text: string): RunPort {
  const [, name, how] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || how === undefined) throw unknownEnd(text);
  if (how === "-") {
    if (STREAMS.includes(name)) {
      throw new UserError(`Option --port ${text}: ${name} is this terminal's already`);
    }
    return { name, end: { kind: "terminal" } };
  }
  const listen = /^listen:(.+)$/s.exec(how)?.[1];
  if (listen !== undefined) return { name, end: { kind: "listen", address: listen } };
  const [, pair, command = ""] = /^(<>|seqpacket|datagram)\|\s*(.+)$/s.exec(how) ?? [];
  if (pair !== undefined) {
    return {
      name,
      end: { kind: "pair", type: pair === "<>" ? "stream" : pair as PairType, command },
    };
  }
  const [, arrow, bar, rest = ""] = /^([<>])(\|?)\s*(.+)$/s.exec(how) ?? [];
  if (arrow === undefined) throw unknownEnd(text);
  const direction = arrow === "<" ? "read" : "write";
  return bar === "|"
    ? { name, end: { kind: "shell", direction, command: rest } }
    : { name, end: { kind: "file", direction, path: rest } };
}

function unknownEnd(text: string): UserError {
  return new UserError(
    `Option --port must be NAME=- (this terminal), NAME=<FILE, NAME=>FILE, NAME=<|COMMAND, ` +
      `NAME=>|COMMAND, NAME=<>|COMMAND, NAME=seqpacket|COMMAND, NAME=datagram|COMMAND or ` +
      `NAME=listen:PORT or PATH, is "${text}"`,
  );
}

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
  for (const [at, { name, end }] of ports.entries()) {
    const port = `${RUN_PROCESS}.${name}`;
    if (Object.hasOwn(channels, name)) {
      throw new UserError(`Option --port names "${name}" twice`);
    }
    if (end.kind === "listen") {
      channels[name] = { kind: "listen", server: port, clients: "anyone", ...addressOf(end) };
      continue;
    }
    const other = end.kind === "terminal" ? RUN_TERMINAL : `port-${at + 1}`;
    processes[other] = { run: { kind: "command", argv: otherArgv(end) }, ...once };
    channels[name] = end.kind === "terminal"
      ? { kind: "pair", between: [port, `${other}.link`] }
      : end.kind === "pair"
      ? pairOf(port, other, end.type)
      : end.direction === "read"
      ? { kind: "pipe", from: `${other}.stdout`, to: port }
      : { kind: "pipe", from: port, to: `${other}.stdin` };
  }
  if (ports.filter(({ end }) => end.kind === "terminal").length > 1) {
    throw new UserError("Only one --port can be this terminal (NAME=-)");
  }
  return { name: "run", processes, channels };
}

function pairOf(port: string, other: string, type: PairType): object {
  const between = [port, `${other}.link`];
  return { kind: "pair", between, type, ...(type === "datagram" ? { ends: "hold" } : {}) };
}

function otherArgv(end: RunEnd): string[] {
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
