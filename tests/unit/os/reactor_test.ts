import { assert, assertEquals, assertThrows } from "@std/assert";
import { closeFd, createPipe, readFd, reopenPipe, writeFd } from "../../../src/os/pipe.ts";
import { HUNG_UP, Reactor, READABLE, WRITABLE } from "../../../src/os/reactor.ts";
import { openDescriptors, until } from "../../process/support/harness.ts";

const BYTE = new Uint8Array([1]);

Deno.test("Reactor.watch() calls back again and again until the descriptor is read", async () => {
  using reactor = new Reactor();
  const pipe = createPipe();
  let calls = 0;
  reactor.watch(pipe.readFd, () => {
    calls++;
    if (calls === 3) readFd(pipe.readFd, new Uint8Array(8));
  });
  writeFd(pipe.writeFd, BYTE);
  await until("three calls", () => calls === 3);
  writeFd(pipe.writeFd, BYTE);
  await until("the next byte", () => calls > 3);
  reactor.unwatch(pipe.readFd);
  closeFd(pipe.readFd);
  closeFd(pipe.writeFd);
});

Deno.test("Reactor.watch() calls back when the other end has closed", async () => {
  using reactor = new Reactor();
  const pipe = createPipe();
  let ended = false;
  reactor.watch(pipe.readFd, () => {
    ended = readFd(pipe.readFd, new Uint8Array(8)) === 0;
    reactor.unwatch(pipe.readFd);
  });
  closeFd(pipe.writeFd);
  await until("the end", () => ended);
  closeFd(pipe.readFd);
});

Deno.test("Reactor.adjust() changes what is looked for; a hang-up is told regardless", async () => {
  using reactor = new Reactor();
  const pipe = createPipe();
  const told: number[] = [];
  const next = async () => {
    const before = told.length;
    await until("an event", () => told.length > before);
    return told.at(-1);
  };
  reactor.watch(pipe.writeFd, (readiness) => told.push(readiness), WRITABLE);
  assertEquals(await next(), WRITABLE);
  reactor.adjust(pipe.writeFd, 0);
  // What was on its way has arrived when another descriptor has been heard twice.
  const other = createPipe();
  let heard = 0;
  reactor.watch(other.readFd, () => heard++);
  writeFd(other.writeFd, BYTE);
  await until("the other", () => heard >= 2);
  const quiet = told.length;
  await until("the other again", () => heard >= 10);
  assertEquals(told.length, quiet);
  reactor.unwatch(other.readFd);
  closeFd(pipe.readFd);
  assertEquals((await next())! & HUNG_UP, 8);
  reactor.unwatch(pipe.writeFd);
  assertThrows(() => reactor.adjust(pipe.writeFd, READABLE), Error, "not watched");
  for (const fd of [pipe.writeFd, other.readFd, other.writeFd]) closeFd(fd);
});

Deno.test("Reactor.unwatch() drops an event of the same batch, even after reuse", async () => {
  using reactor = new Reactor();
  const first = createPipe();
  const second = createPipe();
  const other = createPipe();
  const called: string[] = [];
  // Whichever comes first lets go of the other and puts a silent pipe in its place.
  const replace = (own: number, victim: number) => () => {
    called.push("first");
    reactor.unwatch(own);
    reactor.unwatch(victim);
    closeFd(victim);
    const fresh = reopenPipe(other.readFd, "read");
    assertEquals(fresh, victim);
    reactor.watch(fresh, () => called.push("stale"));
  };
  writeFd(first.writeFd, BYTE);
  writeFd(second.writeFd, BYTE);
  reactor.watch(first.readFd, replace(first.readFd, second.readFd));
  reactor.watch(second.readFd, replace(second.readFd, first.readFd));
  await until("a callback", () => called.length > 0);
  // One more round trip through the reactor: whatever was in the batch has had its turn.
  const probe = createPipe();
  let probed = false;
  reactor.watch(probe.readFd, () => {
    probed = true;
    reactor.unwatch(probe.readFd);
  });
  writeFd(probe.writeFd, BYTE);
  await until("the probe", () => probed);
  assertEquals(called, ["first"]);
  for (const pipe of [first, second, other, probe]) {
    reactor.unwatch(pipe.readFd);
    closeFd(pipe.readFd);
    closeFd(pipe.writeFd);
  }
});

Deno.test("Reactor goes on after a callback has thrown, and the error surfaces", async () => {
  using reactor = new Reactor();
  const bad = createPipe();
  const good = createPipe();
  let surfaced: unknown = null;
  const onError = (event: ErrorEvent) => {
    surfaced = event.error;
    event.preventDefault();
  };
  globalThis.addEventListener("error", onError);
  let heard = false;
  reactor.watch(bad.readFd, () => {
    reactor.unwatch(bad.readFd);
    throw new Error("of a callback");
  });
  reactor.watch(good.readFd, () => {
    heard = true;
    reactor.unwatch(good.readFd);
  });
  writeFd(bad.writeFd, BYTE);
  await until("the error", () => surfaced);
  writeFd(good.writeFd, BYTE);
  await until("the other callback", () => heard);
  globalThis.removeEventListener("error", onError);
  assert(surfaced instanceof Error && surfaced.message === "of a callback");
  for (const pipe of [bad, good]) {
    closeFd(pipe.readFd);
    closeFd(pipe.writeFd);
  }
});

Deno.test("Reactor.watch() refuses a descriptor twice, and any after close()", () => {
  const reactor = new Reactor();
  const pipe = createPipe();
  reactor.watch(pipe.readFd, () => {});
  assertThrows(() => reactor.watch(pipe.readFd, () => {}), Error, "twice");
  reactor.close();
  assertThrows(() => reactor.watch(pipe.writeFd, () => {}), Error, "closed");
  closeFd(pipe.readFd);
  closeFd(pipe.writeFd);
});

Deno.test("Reactor.close() gives its descriptors back", async () => {
  const before = openDescriptors();
  const reactor = new Reactor();
  assertEquals(openDescriptors(), before + 2);
  reactor.close();
  await until("the descriptors", () => openDescriptors() === before);
});

Deno.test("Reactor hears 200 descriptors at once, more than one batch", async () => {
  using reactor = new Reactor();
  const pipes = Array.from({ length: 200 }, () => createPipe());
  const heard = new Set<number>();
  for (const { readFd: fd } of pipes) {
    reactor.watch(fd, () => {
      heard.add(fd);
      reactor.unwatch(fd);
    });
  }
  for (const pipe of pipes) writeFd(pipe.writeFd, BYTE);
  await until("all of them", () => heard.size === 200);
  for (const pipe of pipes) {
    closeFd(pipe.readFd);
    closeFd(pipe.writeFd);
  }
});

Deno.test("Reactor does not wake while nothing happens", async () => {
  // In a process of its own, whose context switches are its own.
  const script = `
    import { Reactor } from "${new URL("../../../src/os/reactor.ts", import.meta.url)}";
    import { createPipe } from "${new URL("../../../src/os/pipe.ts", import.meta.url)}";
    new Reactor().watch(createPipe().readFd, () => {});
    const switches = () => {
      let sum = 0;
      for (const { name } of Deno.readDirSync("/proc/self/task")) {
        const status = Deno.readTextFileSync("/proc/self/task/" + name + "/status");
        sum += Number(/^voluntary_ctxt_switches:\\s+(\\d+)/m.exec(status)[1]);
      }
      return sum;
    };
    // What a start leaves to be done ends at some time, on a busy machine later; polling does not.
    let fewest = Infinity;
    for (let seconds = 0; seconds < 20 && fewest > 12; seconds++) {
      const before = switches();
      await new Promise((resolve) => setTimeout(resolve, 1000));
      fewest = Math.min(fewest, switches() - before);
    }
    console.log(fewest);
    Deno.exit(0);
  `;
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", script] }).output();
  const count = Number(new TextDecoder().decode(stdout));
  // The measurement itself wakes a few threads; polling every 50 ms would show as 20 more.
  assert(count <= 12, `${count} context switches in each second`);
});
