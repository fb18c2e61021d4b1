/**
 * The schema of sockets: pairs and listeners. Owns what a single value may be; relations
 * between values are `check_sockets.ts`'s. Must not know: messages, files, the plan.
 */
import { z } from "zod";
import { DEFAULTS, LIMITS } from "./defaults.ts";
import { doc, issue, list, text, whole } from "./schema_values.ts";

const OCTAL = /^0?[0-7]{3}$/;

/** Two sockets that are connected to each other. */
export const pairSchema = z.strictObject({
  kind: doc(z.literal("pair"), "Two connected sockets. `socket()` fills this in."),
  between: doc(
    z.tuple([text(), text()]),
    'The two ends: `"name.port"`, each a descriptor that the program finds by the port\'s name. ' +
      "Both sides read and write. Neither process may have replicas.",
  ),
  type: z.exactOptional(doc(
    z.enum(["stream", "seqpacket", "datagram"]),
    "`stream`: bytes in order. `seqpacket`: each write is one message, in order, and the end " +
      "can be seen. `datagram`: each write is one message and there is no end.",
    { default: DEFAULTS.pair.type },
  )),
  ends: z.exactOptional(doc(
    z.enum(["hold", "eof"]),
    "What one side sees when the other has finally ended and will not be restarted: `eof`, what " +
      "is buffered and then the end, and a broken pipe at its next write; `hold`, silence and a " +
      "buffer that fills up. When the ended side is started again, both get a new pair, a side " +
      "that is still up at its own next start.",
    { default: DEFAULTS.pair.ends, absent: "`hold` for datagrams, which have no end" },
  )),
});

const unixSchema = z.strictObject({
  path: doc(
    text(),
    "The path of the socket. Its directory is made if it is missing; only cox's user and root " +
      "may be able to write to it. What an earlier run left there is removed if nobody listens " +
      "on it; anything else is left alone, and the server does not start.",
    { range: `1 … ${LIMITS.socketPathBytesMax} bytes when absolute` },
  ),
  mode: z.exactOptional(doc(
    z.string().superRefine((value, context) => {
      if (!OCTAL.test(value)) issue(context, 'must be an octal mode such as "0660"');
    }).meta({ pattern: OCTAL.source }),
    "Permissions of the socket file; who may write to it may connect.",
    { default: DEFAULTS.listen.mode, absent: '`"0660"` with declared clients' },
  )),
  owner: z.exactOptional(doc(
    z.union([text(), whole(0, LIMITS.idMax)]),
    "Owner of the socket file, by name or number. Needs root.",
    { absent: "cox's own user" },
  )),
  group: z.exactOptional(doc(
    z.union([text(), whole(0, LIMITS.idMax)]),
    "Group of the socket file, by name or number. Not with declared clients: their group is " +
      "the channel's own.",
    { absent: "cox's own group" },
  )),
});

const tcpSchema = z.strictObject({
  port: doc(whole(1, 65_535), "The TCP port."),
  host: z.exactOptional(doc(
    text(),
    "The address to listen on, IPv4 or IPv6 in digits. Any but a loopback address can be " +
      "reached from other machines, of which `cox check` warns. IPv6 takes no IPv4 connections.",
    { default: DEFAULTS.listen.host },
  )),
});

const limitsSchema = z.strictObject({
  connections: z.exactOptional(doc(
    whole(1, LIMITS.connectionsMax),
    "How many may be open at once, those included that wait for `perSecond` or for the program. " +
      "One more is closed as soon as it is accepted, and an event counts them.",
    { unit: "connections", absent: "no limit on those that the program has taken" },
  )),
  perSecond: z.exactOptional(doc(
    whole(1, LIMITS.perSecondMax),
    "How many the program is given a second, after as many at once. Others wait, unread.",
    { unit: "connections/s", absent: "no limit" },
  )),
});

/** A listening socket. */
export const listenSchema = z.strictObject({
  kind: doc(
    z.literal("listen"),
    "A listening socket that cox binds and holds. `listen()` fills this in.",
  ),
  server: doc(
    text(),
    'The server: `"name.port"`. It inherits the socket: a program run by `command()` as ' +
      "sd_listen_fds(3) describes (`LISTEN_FDS`, `LISTEN_FDNAMES` with the port's name, " +
      "`LISTEN_PID`), a Deno program as the link of that port. Its replicas share it.",
  ),
  unix: z.exactOptional(
    doc(unixSchema, "Listens on a path. Either this or `tcp`.", { absent: "listens on a port" }),
  ),
  tcp: z.exactOptional(
    doc(tcpSchema, "Listens on a TCP port. Either this or `unix`.", {
      absent: "listens on a path",
    }),
  ),
  backlog: z.exactOptional(doc(
    whole(1, LIMITS.backlogMax),
    "How many connections may wait to be accepted. The kernel cuts it to `net.core.somaxconn`. " +
      "When it is full, a connect to a path waits (or fails with EAGAIN), one to a port is " +
      "tried again by the kernel after a second.",
    { unit: "connections", default: DEFAULTS.listen.backlog },
  )),
  clients: doc(
    z.union([z.literal("anyone"), list(text(), { min: 1, max: LIMITS.processesMax })]),
    'Who may connect. `"anyone"`: whoever can reach the address. Names of processes: the path\'s ' +
      "directory is the channel's own, closed to others, and its clients that have a user of " +
      "their own get a group of the channel's own; what else `access` says. A TCP port cannot be " +
      "closed in this way.",
  ),
  access: z.exactOptional(doc(
    z.enum(["directory", "credentials"]),
    "How declared clients are told from others. `directory`: by who can enter the path's " +
      "directory; what runs as the same user as cox is trusted, not checked, and `cox check` says " +
      "so. `credentials`: besides that, cox asks the kernel who is at the other end of each " +
      "connection, and lets in what belongs to a live instance of a declared client (it, what it " +
      "started, what is in its session); the rest is closed before the program reads a byte of " +
      "it, and is an event. For Deno servers that accept with `listener()` of `coxswain/child`.",
    { absent: "`credentials` for a `deno()` server with declared clients, else `directory`" },
  )),
  limits: z.exactOptional(doc(
    limitsSchema,
    "What each instance of the server takes at most. Kept by `listener()` of `coxswain/child`, " +
      "so for Deno servers alone: a command has its `backlog`.",
    { absent: "1024 connections that wait for the program; no other limit" },
  )),
  lazy: z.exactOptional(doc(
    z.boolean(),
    "The server is started by its first connection, and after it has completed (`restart.policy` " +
      "transient, exit 0) by the next. After a final failure clients are refused.",
    { default: DEFAULTS.listen.lazy },
  )),
});
