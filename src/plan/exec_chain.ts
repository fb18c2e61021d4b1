/**
 * The exec chain: small programs that each change one thing about themselves and then become
 * the next, down to the program itself. Owns its order and the tools' arguments; every link is
 * data in argv, none is a shell. Must not know: how a program is found.
 *
 *   prlimit (may need root)  →  nice (may need root)  →  setpriv (gives root away)  →  program
 */

/** A limit's soft and hard value; null: unlimited. */
export interface LimitPair {
  readonly soft: number | null;
  readonly hard: number | null;
}

/** What prlimit(1) can set here, by its option name. */
export type LimitName = "nofile" | "nproc" | "as" | "fsize" | "core" | "cpu";

/** Who the program runs as. */
export interface ChainIdentity {
  readonly uid: number;
  readonly gid: number;
  /** It has a line in /etc/passwd, so that its groups are known. */
  readonly named: boolean;
  /** Exactly these supplementary groups; absent: those of the user. */
  readonly groups?: readonly number[];
}

/** What the chain has to change before the program starts. */
export interface ChainRequest {
  /** The program and its arguments; `program[0]` is its absolute path. */
  readonly program: readonly string[];
  readonly limits: readonly (readonly [name: LimitName, value: LimitPair])[];
  /** 0: leave it. */
  readonly nice: number;
  /** null: leave it. */
  readonly identity: ChainIdentity | null;
  /** Absolute paths; one that is needed and null is reported. */
  readonly tools: Readonly<Record<ChainTool, string | null>>;
}

/** The tools that a chain can be made of. */
export type ChainTool = "prlimit" | "nice" | "setpriv";

/** The chain, or the tools that are needed and not installed. */
export type ExecChain =
  | { readonly kind: "chain"; readonly argv: readonly string[] }
  | { readonly kind: "missing"; readonly tools: readonly ChainTool[] };

/**
 * Builds the shortest chain: without limits, niceness and identity it is the program alone.
 *
 * @param request What to change, and the program.
 */
export function execChain(request: ChainRequest): ExecChain {
  const links: [tool: ChainTool, args: string[]][] = [];
  if (request.limits.length > 0) {
    links.push(["prlimit", request.limits.map(([name, pair]) => limitArgument(name, pair))]);
  }
  if (request.nice !== 0) links.push(["nice", ["-n", String(request.nice)]]);
  if (request.identity !== null) links.push(["setpriv", identityArguments(request.identity)]);
  const missing = links.map(([tool]) => tool).filter((tool) => request.tools[tool] === null);
  if (missing.length > 0) return { kind: "missing", tools: missing };
  const argv = links.flatMap(([tool, args]) => [request.tools[tool]!, ...args]);
  return { kind: "chain", argv: [...argv, ...request.program] };
}

function limitArgument(name: LimitName, pair: LimitPair): string {
  return `--${name}=${pair.soft ?? "unlimited"}:${pair.hard ?? "unlimited"}`;
}

function identityArguments(identity: ChainIdentity): string[] {
  // setpriv insists on being told what becomes of the supplementary groups; to keep root's
  // would leave the process more than its user has.
  const groups = identity.groups !== undefined
    ? `--groups=${identity.groups.join(",")}`
    : identity.named
    ? "--init-groups"
    : "--clear-groups";
  return [`--reuid=${identity.uid}`, `--regid=${identity.gid}`, groups];
}
