import { assertEquals } from "@std/assert";
import type { ListenConfig } from "../../../src/config/config.ts";
import { listen } from "../../../src/config/define.ts";
import { commandProcess, compiled, crew, machine, refused } from "./fixtures.ts";

type Place = Pick<ListenConfig, "unix" | "tcp">;

function crewOf(first: Place, second: Place) {
  const anyone = { clients: "anyone" } as const;
  return crew({
    a: commandProcess({ profiles: ["x"] }),
    b: commandProcess({ profiles: ["y"] }),
  }, {
    channels: {
      one: listen({ server: "a.p", ...first, ...anyone }),
      two: listen({ server: "b.p", ...second, ...anyone }),
    },
  });
}
const both = machine({ profiles: ["x", "y"] });
const tcp = (port: number, host?: string): Place => ({
  tcp: host === undefined ? { port } : { port, host },
});

Deno.test("compile() refuses an address that two listeners would bind", () => {
  const cases: [Place, Place, string][] = [
    [tcp(80), tcp(80), "tcp.port"],
    [tcp(80), tcp(80, "127.0.0.1"), "tcp.port"],
    [tcp(80), tcp(80, "0.0.0.0"), "tcp.port"],
    [tcp(80, "::"), tcp(80, "::1"), "tcp.port"],
    [tcp(80, "::1"), tcp(80, "0:0::0001"), "tcp.port"],
    [{ unix: { path: "./s/a" } }, { unix: { path: "s/../s/a" } }, "unix.path"],
  ];
  for (const [first, second, place] of cases) {
    const errors = refused(crewOf(first, second), both).filter((each) => each.severity === "error");
    assertEquals(errors.map(({ path }) => path.join(".")), [`channels.two.${place}`]);
    assertEquals(errors[0]!.message.endsWith('is used by channel "one" already'), true);
  }
});

Deno.test("compile() takes addresses that do not meet", () => {
  const cases: [Place, Place][] = [
    [tcp(80), tcp(81)],
    [tcp(80), tcp(80, "127.0.0.2")],
    [tcp(80), tcp(80, "::1")],
    [tcp(80, "0.0.0.0"), tcp(80, "::")],
    [tcp(80), { unix: { path: "./s/a" } }],
    [{ unix: { path: "./s/a" } }, { unix: { path: "./s/b" } }],
  ];
  for (const [first, second] of cases) compiled(crewOf(first, second), both);
});

Deno.test("compile() lets processes of profiles that are not on together share an address", () => {
  compiled(crewOf(tcp(80), tcp(80)), machine({ profiles: ["x"] }));
});
