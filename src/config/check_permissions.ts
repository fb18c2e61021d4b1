/**
 * Checks the grants of a Deno program: that each is scoped, and says what it seems to say.
 * Must not know: which flags they become, or what the paths lead to.
 */
import type { ConfigIssue, DenoPermissions } from "./config.ts";
import { didYouMean } from "./did_you_mean.ts";
import { errorAt, type IssuePath, show } from "./issue.ts";

/** What `--allow-sys` of Deno 2.9 can be scoped to. */
export const SYS_KINDS: readonly string[] = [
  "cpus",
  "getegid",
  "getPriority",
  "gid",
  "homedir",
  "hostname",
  "loadavg",
  "networkInterfaces",
  "osRelease",
  "osUptime",
  "setPriority",
  "statfs",
  "systemMemoryInfo",
  "uid",
  "userInfo",
  "username",
];

type Kind = keyof DenoPermissions;

/**
 * Checks `permissions` of a Deno program.
 *
 * @param permissions The key's value.
 * @param path Where it stands.
 * @returns All issues.
 */
export function checkPermissions(
  permissions: DenoPermissions | undefined,
  path: IssuePath,
): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  for (const [kind, grants] of Object.entries(permissions ?? {}) as [Kind, string[]][]) {
    const seen = new Set<string>();
    for (const [index, grant] of grants.entries()) {
      const at = [...path, kind, index];
      if (seen.has(grant)) {
        issues.push(errorAt(at, `${show(grant)} is granted twice`, "list it once"));
      }
      seen.add(grant);
      issues.push(...checkGrant(kind, grant, at));
    }
  }
  return issues;
}

function checkGrant(kind: Kind, grant: string, path: IssuePath): ConfigIssue[] {
  if (/^\*+$/.test(grant.trim())) {
    return [errorAt(path, `${show(grant)} grants everything`, "list what the program needs")];
  }
  // Deno separates the entries of a flag with commas.
  if (/[,\r\n]/.test(grant)) {
    return [errorAt(
      path,
      `a grant must not contain a comma or newline, is ${show(grant)}`,
      grant.includes(",") ? "one entry for each" : null,
    )];
  }
  if (grant.trim() !== grant || grant.trim() === "") {
    return [errorAt(path, `a grant must not begin or end with a blank, is ${show(grant)}`)];
  }
  if (kind === "sys" && !SYS_KINDS.includes(grant)) {
    return [errorAt(path, `${show(grant)} is no kind of sys`, didYouMean(grant, SYS_KINDS))];
  }
  if (kind === "env" && grant.includes("=")) {
    return [errorAt(
      path,
      `a variable's name must not contain "=", is ${show(grant)}`,
      "grant the name here, and set the value in env of the process",
    )];
  }
  if ((kind === "net" || kind === "import") && /:\/\//.test(grant)) {
    const host = grant.replace(/^.*:\/\//, "").replace(/\/.*$/, "");
    return [errorAt(
      path,
      `a grant must be a host, or host:port, is ${show(grant)}`,
      host === "" ? null : JSON.stringify(host),
    )];
  }
  const port = kind === "net" ? portOf(grant) : null;
  if (port !== null && (!/^[0-9]{1,5}$/.test(port) || Number(port) > 65_535)) {
    return [errorAt(path, `a port must be a number of 0 to 65535, is ${show(port)}`)];
  }
  return [];
}

/** @returns what stands for the port of `host:port`, `[::1]:port`; null without one. */
function portOf(grant: string): string | null {
  // What speaks another tongue (unix:, vsock:) or has many colons is Deno's to judge.
  const [, port] = /^(?:\[[^\]]*\]|(?!unix:|vsock:)[^:]*):([^:]*)$/.exec(grant) ?? [];
  return port ?? null;
}
