/**
 * What `cox run --port` says of a port: its name, and what is at the other end. Pure. Must not
 * know: how the two are joined.
 */
import { UserError } from "./exit_codes.ts";
import { parseShape, type RunShape, ShapeError } from "./run_shape.ts";

export type PairType = "stream" | "seqpacket" | "datagram";

/** A file or a command of the shell, as the program reads from it or writes to it. */
export type RunStream =
  /** The program reads a file, or writes one anew. */
  | { readonly kind: "file"; readonly direction: "read" | "write"; readonly path: string }
  /** The program reads what a command of the shell writes, or the reverse. */
  | { readonly kind: "shell"; readonly direction: "read" | "write"; readonly command: string };

/** What is at the other end of a port. */
export type RunEnd =
  | RunStream
  /** A socket to a command of the shell, which has it as its stdin and stdout. */
  | { readonly kind: "pair"; readonly type: PairType; readonly command: string }
  /** What it reads is our stdin, what it writes goes to our stdout. */
  | { readonly kind: "terminal" }
  /** It accepts connections. */
  | { readonly kind: "listen"; readonly address: string }
  /** It consumes or produces samples, which are lines elsewhere. */
  | {
    readonly kind: "mailbox";
    readonly shape: RunShape;
    readonly direction: "read" | "write";
    /** null: lines of our stdin, or to our stdout. */
    readonly lines: RunStream | null;
  };

/** A port and its other end. */
export interface RunPort {
  readonly name: string;
  readonly end: RunEnd;
}

const STREAMS = ["stdin", "stdout", "stderr"];

/**
 * Parses `--port`: `NAME=-`, `NAME=<FILE`, `NAME=>FILE`, `NAME=<|COMMAND`, `NAME=>|COMMAND`,
 * `NAME=<>|COMMAND`, `NAME=seqpacket|COMMAND`, `NAME=datagram|COMMAND`, `NAME=listen:PORT`,
 * `NAME=listen:PATH`, `NAME=mailbox:SHAPE` and then `<` or `>` and `-`, FILE or `|COMMAND`.
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
  const samples = /^mailbox:(.*)$/s.exec(how)?.[1];
  if (samples !== undefined) {
    if (STREAMS.includes(name)) {
      throw new UserError(`Option --port ${text}: ${name} is no port of a mailbox`);
    }
    return { name, end: parseMailbox(samples, text) };
  }
  const [, pair, command = ""] = /^(<>|seqpacket|datagram)\|\s*(.+)$/s.exec(how) ?? [];
  if (pair !== undefined) {
    return {
      name,
      end: { kind: "pair", type: pair === "<>" ? "stream" : pair as PairType, command },
    };
  }
  const stream = parseStream(how);
  if (stream === null) throw unknownEnd(text);
  return { name, end: stream };
}

/** null: it is none. */
function parseStream(how: string): RunStream | null {
  const [, arrow, bar, rest = ""] = /^([<>])(\|?)\s*(.+)$/s.exec(how) ?? [];
  if (arrow === undefined) return null;
  const direction = arrow === "<" ? "read" : "write";
  return bar === "|"
    ? { kind: "shell", direction, command: rest }
    : { kind: "file", direction, path: rest };
}

/** No shape has an arrow in it. */
function parseMailbox(how: string, text: string): RunEnd {
  const [, shape = "", stream] = /^([^<>]*)([<>](?![<>]).*)$/s.exec(how) ?? [];
  const isTerminal = stream === "<-" || stream === ">-";
  const lines = stream === undefined || isTerminal ? null : parseStream(stream);
  if (stream === undefined || (lines === null && !isTerminal)) {
    throw new UserError(
      `Option --port ${text}: a mailbox must be mailbox:SHAPE and then <-, <FILE or <|COMMAND ` +
        "where the program consumes, >-, >FILE or >|COMMAND where it produces",
    );
  }
  const direction = stream.startsWith("<") ? "read" : "write";
  try {
    return { kind: "mailbox", shape: parseShape(shape), direction, lines };
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new UserError(`Option --port ${text}: ${error.message}`);
  }
}

function unknownEnd(text: string): UserError {
  return new UserError(
    `Option --port must be NAME=- (this terminal), NAME=<FILE, NAME=>FILE, NAME=<|COMMAND, ` +
      `NAME=>|COMMAND, NAME=<>|COMMAND, NAME=seqpacket|COMMAND, NAME=datagram|COMMAND, ` +
      `NAME=listen:PORT or PATH, or NAME=mailbox:SHAPE and one of <- <FILE <|COMMAND >- >FILE ` +
      `>|COMMAND, is "${text}"`,
  );
}
