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
