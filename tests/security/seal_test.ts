/**
 * Attacks on sealed programs, by the program itself: on the memory that it may only read, on the
 * permission that was given up, on the calls that it was left. Real processes; each attack has to
 * be refused, or to harm nobody but its process.
 */
import { assert, assertEquals } from "@std/assert";
import { BELL, CONSUMER_BELL } from "../../src/channel/mailbox/layout.ts";
import { openFutex } from "../../src/os/futex.ts";
import { preloadSource } from "../../src/plan/preload.ts";
import { runSealed, SealedBench } from "../support/sealed_program.ts";

/** A write to memory that is mapped for reading: the kernel ends who tries. */
const WRITES = {
  "an assignment": "new Uint8Array(samples)[5000] = 1;",
  "Atomics.store": "Atomics.store(new Int32Array(samples), 1250, 1);",
  "Atomics.add": "Atomics.add(new Int32Array(samples), 1250, 1);",
  "TypedArray.set": "new Uint8Array(samples).set([1, 2, 3], 5000);",
  "TypedArray.fill": "new Uint8Array(samples, 5000, 8).fill(1);",
  "DataView": "new DataView(samples).setFloat64(5000, 1);",
  "encodeInto": "new TextEncoder().encodeInto('abc', new Uint8Array(samples, 5000, 8));",
  "getRandomValues": "crypto.getRandomValues(new Uint8Array(samples, 5000, 8));",
  "WebAssembly": `
    // A memory of its own is the only one that it can have: there is nothing to write to.
    try { new WebAssembly.Memory({ buffer: samples }); } catch {}
    try { new WebAssembly.Instance(new WebAssembly.Module(samples)); } catch {}
    new Uint8Array(samples)[5000] = 1;`,
};

for (const [name, attack] of Object.entries(WRITES)) {
  Deno.test(`a write into samples by ${name} ends the consumer and changes nothing`, async () => {
    using bench = new SealedBench();
    const before = new Uint8Array(bench.memory.samples.buffer).slice();
    const { signal, text } = await runSealed(
      `const { samples } = memory.mailboxes[0]; ${attack} console.log("went on");`,
      bench.consumer(),
    );
    assertEquals(signal, "SIGSEGV", text);
    assertEquals(text.includes("went on"), false);
    assertEquals(new Uint8Array(bench.memory.samples.buffer), before);
  });
}

/** What gives foreign functions, or a way around them; each is the body of an async function. */
const WAYS_BACK = `
const ways = {
  dlopen: () => Deno.dlopen("libc.so.6", { getpid: { parameters: [], result: "i32" } }),
  create: () => Deno.UnsafePointer.create(4096n),
  of: () => Deno.UnsafePointer.of(new Uint8Array(8)),
  "of the mapping": () => Deno.UnsafePointer.of(new Uint8Array(globalThis.samples ?? new ArrayBuffer(8))),
  view: () => new Deno.UnsafePointerView(null).getUint8(),
  getArrayBuffer: () => Deno.UnsafePointerView.getArrayBuffer(null, 8),
  copyInto: () => Deno.UnsafePointerView.copyInto(null, new Uint8Array(8)),
  getCString: () => Deno.UnsafePointerView.getCString(null),
  callback: () => new Deno.UnsafeCallback({ parameters: [], result: "void" }, () => {}),
  function: () => new Deno.UnsafeFnPointer(null, { parameters: [], result: "void" }).call(),
  "process.dlopen": async () => (await import("node:process")).default.dlopen({ exports: {} }, "/usr/lib/x86_64-linux-gnu/libm.so.6"),
  require: async () => (await import("node:module")).createRequire("file:///tmp/")("/tmp/cox-attack.node"),
  sqlite: async () => {
    const { DatabaseSync } = await import("node:sqlite");
    const db = new DatabaseSync(":memory:", { allowExtension: true });
    db.enableLoadExtension(true);
    db.loadExtension("/usr/lib/x86_64-linux-gnu/libm.so.6");
  },
  inspector: async () => {
    const { Session } = await import("node:inspector");
    const session = new Session();
    session.connect();
  },
  request: async () => {
    const { state } = await Deno.permissions.request({ name: "ffi" });
    if (state !== "granted") throw new Error("refused");
  },
  command: () => new Deno.Command("true").outputSync(),
  spawn: async () => (await import("node:child_process")).execFileSync("/bin/true"),
  memory: () => Deno.openSync("/proc/self/mem", { read: true, write: true }),
  maps: () => Deno.readTextFileSync("/proc/self/maps"),
  descriptors: () => [...Deno.readDirSync("/proc/self/fd")],
  kill: () => Deno.kill(Deno.pid === 2 ? 3 : 2, "SIGCONT"),
};
async function tryAll(place) {
  const open = [];
  for (const [name, way] of Object.entries(ways)) {
    try {
      await way();
      open.push(place + ": " + name);
    } catch {}
  }
  return open;
}
`;

Deno.test("nothing gives a sealed program foreign functions back: not here, in a Worker, by an import", async () => {
  using bench = new SealedBench();
  const code = encodeURIComponent(`${WAYS_BACK}\nexport default tryAll;`);
  const worker = encodeURIComponent(`${WAYS_BACK}\npostMessage(await tryAll("worker"));`);
  const node = `${WAYS_BACK}
    import("node:worker_threads").then(async ({ parentPort }) => parentPort.postMessage(await tryAll("node worker")));`;
  const { text } = await runSealed(
    `
    ${WAYS_BACK}
    globalThis.samples = memory.mailboxes[0].samples;
    const open = await tryAll("main");
    const { default: imported } = await import("data:text/javascript,${code}");
    open.push(...await imported("import"));
    const told = (worker) => new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => { event.preventDefault(); resolve([]); };
    });
    const url = "data:text/javascript,${worker}";
    const ran = [];
    for (const permissions of ["none", "inherit", { ffi: true }, { ffi: "inherit" }, { run: true }, { sys: true }]) {
      try {
        const worker = new Worker(url, { type: "module", deno: { permissions } });
        open.push(...await told(worker));
        ran.push(permissions);
        worker.terminate();
      } catch {}
    }
    const { Worker: NodeWorker } = await import("node:worker_threads");
    const nodeWorker = new NodeWorker(${JSON.stringify(node)}, { eval: true });
    open.push(...await new Promise((resolve) => {
      nodeWorker.on("message", resolve);
      nodeWorker.on("error", () => resolve([]));
    }));
    await nodeWorker.terminate();
    console.log(JSON.stringify({ open, ran: ran.length }));`,
    bench.consumer(),
    // No program of a crew has this flag: without it the runtime ends whoever asks.
    { permissionFlags: ["--unstable-worker-options"] },
  );
  const { open, ran } = JSON.parse(text);
  assertEquals(open, []);
  assert(ran >= 2, "at least the Workers without more permissions ran");
});

/** Patches what programs can reach, and keeps what comes by. */
const PATCHES = `
const { apply } = Reflect;
const { add, forEach, clear } = Set.prototype;
const caught = new Set();
function keep() {
  for (let at = 0; at < arguments.length; at++) apply(add, caught, [arguments[at]]);
}
for (const [owner, names] of [
  [Atomics, ["load", "store", "add", "notify", "wait"]],
  [Function.prototype, ["call", "apply", "bind", Symbol.hasInstance]],
  [Reflect, ["apply", "get", "set", "construct", "ownKeys"]],
  [Object, ["freeze", "defineProperty", "keys", "values", "entries", "assign"]],
  [Symbol, ["for"]],
  [Math, ["floor", "min", "max", "ceil"]],
  [Number, ["isInteger", "isSafeInteger", "isFinite"]],
  [Number.prototype, ["valueOf", "toString"]],
  [BigInt, ["asIntN", "asUintN"]],
  [Array.prototype, ["map", "push", "forEach", "slice", "includes", "indexOf", Symbol.iterator]],
  [ArrayBuffer.prototype, ["slice", "transfer", "resize"]],
  [Object.getPrototypeOf(Uint8Array.prototype), ["set", "fill", "subarray", "at", Symbol.iterator]],
  [Promise.prototype, ["then", "catch", "finally"]],
  [JSON, ["parse", "stringify"]],
]) {
  for (const name of names) {
    const original = owner[name];
    if (typeof original !== "function") continue;
    try {
      Object.defineProperty(owner, name, {
        configurable: true,
        writable: true,
        value: function (...args) { keep(this); apply(keep, null, args); return apply(original, this, args); },
      });
    } catch {}
  }
}
const Typed = Object.getPrototypeOf(Uint8Array.prototype);
for (const [owner, name] of [
  [Typed, "buffer"], [Typed, "length"], [Typed, "byteLength"], [Typed, "byteOffset"],
  [ArrayBuffer.prototype, "byteLength"],
]) {
  const { get } = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, {
    configurable: true,
    get() { keep(this); return apply(get, this, []); },
  });
}
// What is not there is looked for in the prototypes: indices, and the names of the calls.
for (const owner of [Array.prototype, Object.prototype, Function.prototype]) {
  for (const name of ["-1", "1", "2", "3", "0.5", "NaN", "undefined", "syscall", "write", "symbols", "buffer", "start"]) {
    Object.defineProperty(owner, name, {
      configurable: true,
      get() { keep(this); return undefined; },
      set(value) { keep(this, value); },
    });
  }
}
Error.prepareStackTrace = (error, sites) => {
  for (let at = 0; at < sites.length; at++) {
    const site = sites[at];
    try { const value = site.getThis(); if (value !== undefined && value !== null) keep(value); } catch {}
    try { const value = site.getFunction(); if (value !== undefined && value !== null) keep(value); } catch {}
  }
  return "";
};
`;

/** All that a call could choke on. */
const ODD = `[0, 1, -1, 0.5, -0, NaN, Infinity, 2 ** 53, 1e308, "0", "", null, undefined, true, 5n,
  Symbol.iterator, [], {}, [0], () => 0,
  { valueOf() { keep(this); return 0; }, toString() { keep(this); return "0"; }, [Symbol.toPrimitive](hint) { keep(this); return 0; } },
  new Proxy({}, { get(target, name) { keep(name); return () => 0; } }), new Uint8Array(8), new ArrayBuffer(8)]`;

for (const role of ["consumer", "producer"] as const) {
  Deno.test(`the ${role}'s calls use nothing that its program can change, and show it nothing`, async () => {
    using bench = new SealedBench();
    // None of the odd numbers: nobody sleeps, whatever the time is.
    new Int32Array(bench.memory.samples.buffer)[BELL] = 12_345;
    new Int32Array(bench.memory.consumers[0]!.buffer)[CONSUMER_BELL] = 12_345;
    const { text, code } = await runSealed(
      `
      const kind = Object.prototype.toString;
      const read = (value) => apply(kind, value, []);
      const bytes = new TextEncoder();
      const [{ calls }] = memory.mailboxes;
      const names = Object.keys(calls);
      ${PATCHES}
      const odd = ${ODD};
      apply(clear, caught, []);
      let thrown = 0;
      const call = (f, a, b, c) => { try { return f(a, b, c); } catch { thrown++; } };
      for (let i = 0; i < names.length; i++) {
        const f = calls[names[i]];
        for (let j = 0; j < odd.length; j++) {
          for (let k = 0; k < odd.length; k++) {
            call(f, odd[j], odd[k], 1);
            call(f, 0, odd[j], odd[k]);
          }
          try { Reflect; new f(odd[j]); } catch {}
          try { if (f.caller) keep(f.caller); } catch {}
          try { if (f.arguments) keep(f.arguments); } catch {}
          try { if (f.prototype) keep(f.prototype); } catch {}
        }
      }
      let during = "";
      apply(forEach, caught, [(value) => {
        during += typeof value === "object" || typeof value === "function" ? read(value) : typeof value;
      }]);
      // In the middle of a stack that is full: what was begun must not be left in pieces.
      const deep = () => { try { deep(); } catch {} calls.nowNs(); };
      try { deep(); } catch {}
      const now = calls.nowNs();
      Deno.stdout.writeSync(bytes.encode(thrown + ";" + during + ";" + (now > 0 && now % 1 === 0)));`,
      role === "consumer" ? bench.consumer() : bench.producer(),
    );
    assertEquals(code, 0, text);
    assertEquals(text, "0;;true");
  });
}

Deno.test("the record cannot be replaced, and holds no function but the calls", async () => {
  using bench = new SealedBench();
  const { text } = await runSealed(
    `
    const seen = [];
    const walk = (value, path) => {
      if (typeof value === "function") seen.push(path);
      if (typeof value !== "object" || value === null) return;
      if (!Object.isFrozen(value)) seen.push("not frozen: " + path);
      for (const key of Reflect.ownKeys(value)) walk(value[key], path + "." + String(key));
    };
    walk(globalThis[Symbol.for("coxswain.links")], "");
    const refused = [
      () => { globalThis[Symbol.for("coxswain.links")] = 1; },
      () => { memory.mailboxes[0].calls.nowNs = () => 0; },
      () => { memory.mailboxes[0].samples = null; },
      () => { memory.mailboxes.push(1); },
    ].filter((attempt) => { try { attempt(); return false; } catch { return true; } }).length;
    console.log(JSON.stringify({ seen, refused }));`,
    bench.consumer(),
  );
  assertEquals(JSON.parse(text), {
    seen: [
      ".memory.nowNs",
      ".memory.sleepUntil",
      ".memory.mailboxes.0.calls.waitForBell",
      ".memory.mailboxes.0.calls.wakeProducer",
      ".memory.mailboxes.0.calls.nowNs",
    ],
    refused: 4,
  });
});

Deno.test("the mappings can be handed to a Worker, and are as closed to writing there", async () => {
  using bench = new SealedBench();
  const before = new Uint8Array(bench.memory.samples.buffer).slice();
  const { signal, text } = await runSealed(
    `
    const { samples } = memory.mailboxes[0];
    const code = "onmessage = ({ data }) => { new Uint8Array(data)[5000] = 1; postMessage('written'); }";
    const worker = new Worker("data:text/javascript," + encodeURIComponent(code), { type: "module" });
    worker.onmessage = ({ data }) => { console.log(data); Deno.exit(0); };
    worker.postMessage(samples, [samples]);`,
    bench.consumer(),
  );
  // Moved, it is the same memory; copied, it is not the mailbox's.
  assert(signal === "SIGSEGV" || text.includes("written"), text);
  assertEquals(new Uint8Array(bench.memory.samples.buffer), before);
});

Deno.test("a consumer that moves, cuts or closes what it has harms the next instance in nothing", async () => {
  using bench = new SealedBench();
  const { text } = await runSealed(
    `
    const { samples, own } = memory.mailboxes[0];
    const results = [];
    for (const attempt of [
      () => samples.resize(8),
      () => own.transfer(8),
      () => samples.transfer(1 << 20).byteLength,
      () => Deno[Deno.internal].core.close(3),
      ...[3, 4, 5, 6, 7, 8, 9, 10].map((fd) => async () => {
        const { Socket } = await import("node:net");
        new Socket({ fd }).destroy();
      }),
    ]) {
      try { await attempt(); results.push("done"); } catch { results.push("refused"); }
    }
    console.log(results.length);`,
    bench.consumer(),
  );
  assertEquals(text.trim().split("\n").at(-1), "12", text);
  const { text: next } = await runSealed(
    `console.log(new Int32Array(memory.mailboxes[0].samples)[0].toString(16))`,
    bench.consumer(),
  );
  assertEquals(next.trim(), "4d584f43");
});

Deno.test("a program that moves its buffers away and lets them be collected harms nobody, itself included", async () => {
  for (const role of ["consumer", "producer"] as const) {
    using bench = new SealedBench();
    const { text, code } = await runSealed(
      `
      const [{ setFlagsFromString }, { runInNewContext }] =
        await Promise.all([import("node:v8"), import("node:vm")]);
      setFlagsFromString("--expose-gc");
      const gc = runInNewContext("gc");
      const [{ samples, own, consumers, calls }] = memory.mailboxes;
      const magic = new Int32Array(samples)[0];
      let moved = structuredClone(samples, { transfer: [samples] });
      const same = samples.byteLength === 0 && new Int32Array(moved)[0] === magic;
      moved = moved.transfer();
      moved = null;
      const code = "onmessage = ({ data }) => postMessage(data.byteLength)";
      const worker = new Worker("data:text/javascript," + encodeURIComponent(code), { type: "module" });
      const page = own ?? consumers[0];
      worker.postMessage(page, [page]);
      const there = await new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
      worker.terminate();
      for (let pass = 0; pass < 5; pass++) gc();
      // They sleep, wake and ring where the memory is: it is still mapped.
      for (const call of Object.values(calls)) call(0, 0, 1);
      console.log(same, there);
      Deno.exit(0);`,
      bench[role](),
    );
    assertEquals([text.trim(), code], ["true 4096", 0]);
    const { text: next } = await runSealed(
      `console.log(new Int32Array(memory.mailboxes[0].samples)[0].toString(16))`,
      bench[role](),
    );
    assertEquals(next.trim(), "4d584f43");
  }
});

Deno.test("a file named libc.so.6 where the program runs is not the library that the seal opens", async () => {
  using bench = new SealedBench();
  const cwd = await Deno.makeTempDir({ prefix: "cox-attack-" });
  await Deno.writeTextFile(`${cwd}/libc.so.6`, "not a library");
  const { text } = await runSealed(
    `console.log(memory.mailboxes[0].calls.nowNs() > 0)`,
    bench.consumer(),
    { cwd },
  );
  await Deno.remove(cwd, { recursive: true });
  assertEquals(text.trim(), "true");
});

Deno.test("platform: an import map redirects a preload, which is why a project's may not name one", async () => {
  using bench = new SealedBench();
  const { request } = bench.consumer();
  const url = preloadSource({
    process: "sealed",
    notifyFd: null,
    gateFd: null,
    links: [],
    memory: request,
  });
  const evil = `data:text/javascript,${encodeURIComponent("console.log('foreign code')")}`;
  const folder = await Deno.makeTempDir({ prefix: "cox-attack-" });
  await Deno.writeTextFile(`${folder}/map.json`, JSON.stringify({ imports: { [url]: evil } }));
  const { text } = await runSealed("", bench.consumer(), { importMap: `${folder}/map.json` });
  await Deno.remove(folder, { recursive: true });
  assert(text.includes("foreign code"), text);
});

Deno.test("the clock of the seal is the machine's", async () => {
  using bench = new SealedBench();
  const before = openFutex().nowNs();
  const { text } = await runSealed(`console.log(memory.nowNs())`, bench.consumer());
  const after = openFutex().nowNs();
  assert(Number(text) >= before && Number(text) <= after);
});

const IS_POINTER = `
const isPointer = (value) =>
  typeof value === "object" && value !== null && getPrototypeOf(value) === null &&
  ownKeys(value).length === 0;
`;

Deno.test("a client whose builtins were patched before it was loaded shows no pointer either", async () => {
  using bench = new SealedBench();
  const child = new URL("../../src/child/mailbox/consumer.ts", import.meta.url).href;
  const shape = JSON.stringify(bench.shape);
  const { text, code } = await runSealed(
    `
    const { getPrototypeOf, ownKeys } = Reflect;
    ${IS_POINTER}
    const [{ samples, own, calls }] = memory.mailboxes;
    ${PATCHES}
    const { Consumer } = await import("${child}");
    const consumer = new Consumer({ samples, own }, calls, { shape: ${shape}, number: 0, waiting: "park" });
    const kinds = [consumer.poll().kind, consumer.receive(1e6).kind];
    let pointers = 0;
    let count = 0;
    apply(forEach, caught, [(value) => {
      count++;
      if (isPointer(value)) pointers++;
    }]);
    Deno.stdout.writeSync(new TextEncoder().encode(pointers + ";" + (count > 10) + ";" + kinds[0] + ";" + kinds[1]));`,
    bench.consumer(),
  );
  assertEquals(code, 0, text);
  assertEquals(text, "0;true;none;none");
});

Deno.test("platform: a pointer is an object without prototype and keys, as the test before relies on", () => {
  const isPointer = new Function(
    "value",
    `const { getPrototypeOf, ownKeys } = Reflect; ${IS_POINTER} return isPointer(value);`,
  ) as (value: unknown) => boolean;
  assert(isPointer(Deno.UnsafePointer.create(1n)));
  assertEquals([{}, new ArrayBuffer(8), [], null, 1].map(isPointer), Array(5).fill(false));
});
