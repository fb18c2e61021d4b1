import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { cString } from "../../../src/os/c_string.ts";
import { SystemError } from "../../../src/os/errno.ts";
import {
  KernelFile,
  linkTarget,
  listDirectory,
  makeDirectory,
  readSmallFile,
  removeDirectory,
  removeFile,
  writeSmallFile,
  writeSmallFileInBackground,
} from "../../../src/os/file.ts";
import { libc, O_DIRECTORY, O_RDONLY } from "../../../src/os/libc.ts";
import { closeFd } from "../../../src/os/pipe.ts";
import { sendSignal } from "../../../src/os/signals.ts";
import {
  ended,
  mustSpawn,
  openDescriptors,
  shellRequest,
  temporaryDirectory,
  until,
} from "../../process/support/harness.ts";

Deno.test("readSmallFile() reads text over several chunks, characters kept whole", () => {
  using dir = temporaryDirectory();
  const before = openDescriptors();
  const text = "x" + "ä".repeat(100_000);
  Deno.writeTextFileSync(`${dir.path}/f`, text);
  assertEquals(readSmallFile(`${dir.path}/f`), text);
  assertEquals(readSmallFile(`${dir.path}/none`), null);
  assertEquals(readSmallFile("/proc/999999999/stat"), null);
  assertThrows(() => readSmallFile(dir.path), SystemError, "EISDIR");
  assertEquals(openDescriptors(), before);
});

Deno.test("KernelFile.read() says what the file says now, and null for who has gone", async () => {
  const before = openDescriptors();
  assertEquals(KernelFile.open("/proc/999999999/stat"), null);
  const child = mustSpawn(shellRequest("read line; exec sleep 30"));
  using file = KernelFile.open(`/proc/${child.pid}/comm`)!;
  assertEquals(file.read(), readSmallFile(`/proc/${child.pid}/comm`));
  await until("it is sleep", () => file.read() === "sleep\n");
  sendSignal(-child.pid, 9);
  await ended(child);
  assertEquals(file.read(), null);
  file[Symbol.dispose]();
  assertEquals(openDescriptors(), before);
});

Deno.test("writeSmallFile() names the error instead of throwing", () => {
  using dir = temporaryDirectory();
  Deno.writeTextFileSync(`${dir.path}/f`, "");
  assertEquals(writeSmallFile(`${dir.path}/f`, "ä"), null);
  assertEquals(Deno.readTextFileSync(`${dir.path}/f`), "ä");
  assertEquals(writeSmallFile(`${dir.path}/none`, "x"), "ENOENT");
  assertEquals(writeSmallFile("/dev/full", "x"), "ENOSPC");
});

Deno.test("writeSmallFileInBackground() says whether the kernel took it", async () => {
  using dir = temporaryDirectory();
  const before = openDescriptors();
  Deno.writeTextFileSync(`${dir.path}/f`, "");
  assert(await writeSmallFileInBackground(`${dir.path}/f`, "ä"));
  assertEquals(Deno.readTextFileSync(`${dir.path}/f`), "ä");
  assert(!(await writeSmallFileInBackground("/dev/full", "x")));
  await assertRejects(
    () => writeSmallFileInBackground(`${dir.path}/none`, "x"),
    SystemError,
    "ENOENT",
  );
  assertEquals(openDescriptors(), before);
});

Deno.test("listDirectory() takes a directory that goes while it is read for none", () => {
  using dir = temporaryDirectory();
  const path = `${dir.path}/doomed`;
  Deno.mkdirSync(path);
  const fd = libc().open(cString(path), O_RDONLY | O_DIRECTORY, 0);
  Deno.removeSync(path);
  // It can still be opened this way, and then refuses to be read.
  assertEquals(listDirectory(`/proc/self/fd/${fd}`), null);
  closeFd(fd);
});

Deno.test("listDirectory() lists more than one buffer's worth", () => {
  using dir = temporaryDirectory();
  const names = Array.from({ length: 2000 }, (_, index) => `${"n".repeat(60)}${index}`);
  for (const name of names) Deno.writeTextFileSync(`${dir.path}/${name}`, "");
  Deno.mkdirSync(`${dir.path}/d`);
  const entries = listDirectory(dir.path)!;
  assertEquals(entries.map(({ name }) => name).sort(), ["d", ...names].sort());
  assertEquals(entries.filter(({ isDirectory }) => isDirectory), [{
    name: "d",
    isDirectory: true,
  }]);
  assertEquals(listDirectory(`${dir.path}/none`), null);
});

Deno.test("makeDirectory(), removeDirectory() and removeFile() name their errors", () => {
  using dir = temporaryDirectory();
  const path = `${dir.path}/d`;
  assertEquals([makeDirectory(path, 0o700), makeDirectory(path, 0o700)], [null, "EEXIST"]);
  Deno.writeTextFileSync(`${path}/f`, "");
  assertEquals(removeDirectory(path), "ENOTEMPTY");
  assertEquals([removeFile(`${path}/f`), removeFile(`${path}/f`)], [null, "ENOENT"]);
  assertEquals([removeDirectory(path), removeDirectory(path)], [null, "ENOENT"]);
});

Deno.test("linkTarget() reads a link and is null for anything else", () => {
  assertEquals(linkTarget("/proc/self/exe"), Deno.execPath());
  assertEquals([linkTarget("/etc/passwd"), linkTarget("/nonexistent")], [null, null]);
});
