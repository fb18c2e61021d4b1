import { assertEquals, assertThrows } from "@std/assert";
import { AF_INET, AF_INET6 } from "../../../src/os/libc.ts";
import { tcpAddress, unixAddress } from "../../../src/os/socket_address.ts";

Deno.test("tcpAddress() writes IPv4 as sockaddr_in", () => {
  const { family, bytes } = tcpAddress("127.0.0.1", 0x1234);
  assertEquals(family, AF_INET);
  assertEquals([...bytes], [2, 0, 0x12, 0x34, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
});

Deno.test("tcpAddress() writes every form of IPv6 as sockaddr_in6", () => {
  const cases: [string, number[]][] = [
    ["::1", [...new Array(15).fill(0), 1]],
    ["::", new Array(16).fill(0)],
    ["2001:db8::ff00:42", [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0x42]],
    ["1:2:3:4:5:6:7:8", [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
    ["::ffff:1.2.3.4", [...new Array(10).fill(0), 255, 255, 1, 2, 3, 4]],
  ];
  for (const [text, address] of cases) {
    const { family, bytes } = tcpAddress(text, 80);
    assertEquals(family, AF_INET6);
    assertEquals([...bytes.subarray(0, 8)], [10, 0, 0, 80, 0, 0, 0, 0], text);
    assertEquals([...bytes.subarray(8, 24)], address, text);
  }
});

Deno.test("tcpAddress() refuses names and broken addresses", () => {
  for (const text of ["localhost", "", "1.2.3.256", "1.2.3", "::1::2", "12345::"]) {
    assertThrows(() => tcpAddress(text, 80), RangeError, "Not an IP address");
  }
});

Deno.test("unixAddress() takes 107 bytes and not 108", () => {
  assertEquals(unixAddress("/" + "a".repeat(106)).bytes.length, 110);
  const error = assertThrows(() => unixAddress("/" + "a".repeat(107)), RangeError);
  assertEquals(error.message.includes("at most 107 bytes, is 108"), true);
});
