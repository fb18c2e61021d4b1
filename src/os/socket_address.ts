/**
 * Socket addresses as the kernel's bytes. Pure.
 *
 * ```
 *  sockaddr_un   family u16 │ path, NUL
 *  sockaddr_in   family u16 │ port u16 BE │ address 4 │ zero 8
 *  sockaddr_in6  family u16 │ port u16 BE │ flow u32 │ address 16 │ scope u32
 * ```
 *
 * Must not know: sockets.
 */
import { cString } from "./c_string.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "./libc.ts";

/** `sun_path` of `struct sockaddr_un` (unix(7)), without the NUL at its end. */
export const SOCKET_PATH_BYTES_MAX = 107;
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;
const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** An address with its family. */
export interface SocketAddress {
  readonly family: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * The address of a path.
 *
 * @throws {RangeError} when it has more than {@link SOCKET_PATH_BYTES_MAX} bytes.
 */
export function unixAddress(path: string): SocketAddress {
  const text = cString(path);
  if (text.length > SOCKET_PATH_BYTES_MAX + 1) {
    throw new RangeError(
      `Cannot make socket "${path}": a socket's path must be at most ` +
        `${SOCKET_PATH_BYTES_MAX} bytes, is ${text.length - 1}`,
    );
  }
  const bytes = new Uint8Array(2 + text.length);
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  bytes.set(text, 2);
  return { family: AF_UNIX, bytes };
}

/**
 * The address of a port.
 *
 * @param host an IPv4 or IPv6 address in digits; names are not looked up.
 * @throws {RangeError} for anything else.
 */
export function tcpAddress(host: string, port: number): SocketAddress {
  const four = parseIpv4(host);
  if (four !== null) {
    const bytes = new Uint8Array(SOCKADDR_IN_BYTES);
    writeHead(bytes, AF_INET, port);
    bytes.set(four, 4);
    return { family: AF_INET, bytes };
  }
  const bytes = new Uint8Array(SOCKADDR_IN6_BYTES);
  writeHead(bytes, AF_INET6, port);
  bytes.set(parseIpv6(host), 8);
  return { family: AF_INET6, bytes };
}

function writeHead(bytes: Uint8Array<ArrayBuffer>, family: number, port: number): void {
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, true);
  view.setUint16(2, port, false);
}

function parseIpv4(text: string): number[] | null {
  const parts = IPV4.exec(text)?.slice(1).map(Number) ?? null;
  return parts === null || parts.some((part) => part > 255) ? null : parts;
}

/** The URL parser knows every way to write one, and gives groups of hexadecimal digits. */
function parseIpv6(text: string): number[] {
  const host = URL.canParse(`http://[${text}]/`) ? new URL(`http://[${text}]/`).hostname : null;
  if (host === null) throw new RangeError(`Not an IP address in digits: "${text}"`);
  const [head = "", tail] = host.slice(1, -1).split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":").map((g) => parseInt(g, 16));
  const [before, after] = [groups(head), tail === undefined ? [] : groups(tail)];
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  return [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]);
}
