/**
 * Programs that try to get away: each starts something that outlives its parent in its
 * own manner. A marker in the arguments, or a path, identifies what a test started.
 */
import { livingWith } from "./harness.ts";

/** One manner of getting away. */
export interface OrphanShape {
  readonly name: string;
  /** Why it cannot run here; null when it can. */
  readonly missing: () => string | null;
  /** Command line; `marker` is a number of seconds, `dir` an empty directory of its own. */
  readonly argv: (marker: string, dir: string) => readonly string[];
  /** What lives of it; complete once its length is `count`. */
  readonly living: (marker: string, dir: string) => readonly number[];
  readonly count: number;
}

const sleepers = (count: number) => ({
  missing: () => null,
  living: (marker: string) => livingWith(`sleep\0${marker}`),
  count,
});
const shell = (script: (marker: string) => string) => (marker: string) => [
  "/bin/sh",
  "-c",
  script(marker),
];

/** `sh -c RELAY RELAY MARKER`: starts itself anew in a session of its own, and exits, for ever. */
const RELAY = `sleep 0.1; setsid sh -c "$0" "$0" "$1" & exit 0`;
/** Eight relays, so that the pids never stand still, and twelve sleepers four forks deep. */
const STORM = `
for i in 1 2 3 4 5 6 7 8; do setsid sh -c "$0" "$0" "$1" & done
for i in 1 2 3; do (for i in 1 2; do (for i in 1 2; do (setsid sleep "$1" &); done); done); done
exit 0`;

const NGINX = "/usr/sbin/nginx";

export const ORPHAN_SHAPES: readonly OrphanShape[] = [
  { name: "plain child", argv: (marker) => ["/bin/sleep", marker], ...sleepers(1) },
  {
    name: "setsid grandchild",
    argv: shell((marker) => `setsid sleep ${marker} & exec sleep ${marker}`),
    ...sleepers(2),
  },
  {
    name: "double-forked daemon",
    argv: shell((marker) => `(setsid sh -c 'sleep ${marker} & exit 0' &); exec sleep ${marker}`),
    ...sleepers(2),
  },
  {
    name: "env -i setsid",
    argv: shell((marker) => `env -i setsid sleep ${marker} >/dev/null 2>&1 & exit 0`),
    ...sleepers(1),
  },
  {
    name: "another user",
    argv: shell((marker) =>
      `setpriv --reuid=65534 --regid=65534 --clear-groups env -i setsid sleep ${marker} & ` +
      `exec sleep ${marker}`
    ),
    ...sleepers(2),
    missing: () => Deno.uid() === 0 ? null : "only root can become another user",
  },
  {
    name: "fork storm",
    argv: (marker) => ["/bin/sh", "-c", STORM, RELAY, marker],
    missing: () => null,
    living: (marker) => livingWith(`\0${marker}`),
    count: 20,
  },
  {
    name: "nginx daemon on",
    missing: () => exists(NGINX) ? null : `${NGINX} is not installed`,
    argv: (_marker, dir) => {
      const config = `${dir}/nginx.conf`;
      Deno.writeTextFileSync(config, nginxConfig(dir));
      return [NGINX, "-p", dir, "-e", `${dir}/error.log`, "-c", config, "-g", "daemon on;"];
    },
    living: (_marker, dir) => nginxFamily(dir),
    count: 3,
  },
];

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function nginxConfig(dir: string): string {
  // Master and workers in `dir`; a worker's title says nothing, so its directory must.
  return `user root; worker_processes 2; working_directory ${dir}; pid ${dir}/nginx.pid;
events { worker_connections 16; }
http {
  access_log off; client_body_temp_path ${dir}/a; proxy_temp_path ${dir}/b;
  fastcgi_temp_path ${dir}/c; uwsgi_temp_path ${dir}/d; scgi_temp_path ${dir}/e;
  server { listen unix:${dir}/socket; }
}
`;
}

/** The daemon and its workers: whatever nginx is the master of this directory, or works in it. */
function nginxFamily(dir: string): number[] {
  return livingWith("nginx: ").filter((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes(dir) ||
        Deno.readLinkSync(`/proc/${pid}/cwd`) === dir;
    } catch {
      return false;
    }
  });
}
