/*
 * A producer under test: writes as fast as it is let, until there is a file "stop". Says in shared
 * memory, which outlives it, what it is about to have written and what it has written.
 *
 *   source ID FRAMING MAX BLOCK FD [FAULT]
 *
 *   MAX    bytes of the largest message with its framing; of a write of bytes
 *   BLOCK  0: one write for each message; else writes of so many bytes, which cut messages
 *   FAULT  flip: every 500th message has a wrong letter
 *
 * File sent.ID: four u32 for each instance: messages begun, messages written, bytes written of
 * whole messages, bytes begun. Of a stream of bytes the bytes alone.
 */
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static char filling[FILLING_BYTES];
static char *held;
static size_t held_bytes;
static volatile uint32_t *tally;
enum { BEGUN, DONE, DONE_BYTES, BEGUN_BYTES };
static uint32_t source, instance;
static int out_fd;

static void must(int holds, const char *what) {
  if (holds) return;
  perror(what);
  exit(1);
}

static void open_tally(void) {
  char path[64];
  snprintf(path, sizeof path, "sent.%u", source);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  must(fd >= 0, path);
  must(ftruncate(fd, INSTANCES * 16) == 0, "ftruncate");
  uint32_t *all = mmap(NULL, INSTANCES * 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  must(all != MAP_FAILED, "mmap");
  tally = all + instance * 4;
}

static void write_all(const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(out_fd, bytes, count);
    if (written < 0 && errno == EPIPE) exit(3); /* the link was cut */
    must(written > 0, "write");
    bytes += written;
    count -= written;
  }
}

/* Of the whole message: the largest, one less, anything, and mostly short. */
static size_t size_of(uint32_t sequence, size_t max) {
  uint32_t chance = mixed(source, instance, sequence);
  size_t span = max - MESSAGE_BYTES_MIN;
  switch (chance % 16) {
    case 0: return max;
    case 1: return max - 1;
    case 2: case 3: return MESSAGE_BYTES_MIN + (chance >> 4) % (span + 1);
    default: return MESSAGE_BYTES_MIN + (chance >> 4) % (span < 400 ? span + 1 : 400);
  }
}

/* Puts a message of `size` bytes with its framing at `to`. */
static void put_message(char *to, enum framing framing, size_t size, uint32_t sequence,
                        uint32_t at, int is_wrong) {
  size_t before = framing == FRAMES ? 4 : framing == NDJSON ? 1 : 0;
  size_t after = framing == NDJSON ? 2 : framing == LINES ? 1 : 0;
  size_t length = size - before - after;
  char *text = to + before;
  int head = sprintf(text, "00000000 %u %u %u %u %zu ", source, instance, sequence, at, length);
  memcpy(text + head, filling + mixed(sequence, source, instance) % 4096, length - head);
  char sum[9];
  snprintf(sum, sizeof sum, "%08x", checksum(text + 9, length - 9));
  memcpy(text, sum, 8);
  if (is_wrong) text[length - 1] ^= 1;
  if (framing == FRAMES) {
    for (int index = 0; index < 4; index++) to[index] = (char)(length >> (8 * (3 - index)));
  }
  if (framing == NDJSON) to[0] = '"', text[length] = '"', text[length + 1] = '\n';
  if (framing == LINES) text[length] = '\n';
}

/* Where the messages end that are not written yet, oldest first. */
static uint32_t ends[2 * MESSAGE_BYTES_MAX / MESSAGE_BYTES_MIN];
static uint32_t waiting;

/* So many of the held bytes are written; `at`: of all bytes behind the held ones. */
static void write_held(size_t bytes, uint32_t at) {
  write_all(held, bytes);
  held_bytes -= bytes;
  memmove(held, held + bytes, held_bytes);
  uint32_t whole = 0;
  while (whole < waiting && ends[whole] <= at - held_bytes) whole++;
  if (whole == 0) return;
  tally[DONE] += whole;
  tally[DONE_BYTES] = ends[whole - 1];
  waiting -= whole;
  memmove(ends, ends + whole, waiting * sizeof *ends);
}

static void write_messages(enum framing framing, size_t max, size_t block, int flip) {
  uint32_t sequence = 0, at = 0;
  while (sequence % 16 != 0 || access("stop", F_OK) != 0) {
    size_t size = size_of(++sequence, max);
    int is_wrong = flip && sequence % 500 == 0;
    put_message(held + held_bytes, framing, size, sequence, at, is_wrong);
    held_bytes += size;
    at += size;
    ends[waiting++] = at;
    tally[BEGUN_BYTES] = at;
    tally[BEGUN] = sequence;
    if (block == 0) write_held(held_bytes, at);
    else if (held_bytes >= block) write_held(held_bytes - held_bytes % block, at);
  }
  write_held(held_bytes, at);
  if (framing == PACKETS) must(write(out_fd, "", 0) == 0, "the empty packet");
}

static void write_bytes(size_t max) {
  uint32_t at = 0;
  /* Even the last one writes something: else a cell that a kill has cut would be the end. */
  for (uint32_t count = 0; count == 0 || count % 16 != 0 || access("stop", F_OK) != 0; count++) {
    /* The first write is one cell: whoever reads can tell where an instance begins. */
    size_t bytes = count == 0 ? CELL_BYTES : 1 + mixed(source, instance, count) % max;
    size_t within = at % CELL_BYTES;
    if (count % 16 == 15) bytes += CELL_BYTES - (within + bytes) % CELL_BYTES;
    for (size_t cell = 0; cell * CELL_BYTES < within + bytes; cell++)
      put_cell(held + cell * CELL_BYTES, instance, at / CELL_BYTES + cell);
    tally[BEGUN_BYTES] = at + bytes;
    write_all(held + within, bytes);
    at += bytes;
    tally[DONE_BYTES] = at;
  }
}

int main(int argc, char **argv) {
  if (argc < 6) return 2;
  source = atoi(argv[1]);
  enum framing framing = framing_of(argv[2]);
  size_t max = atoi(argv[3]), block = atoi(argv[4]);
  out_fd = atoi(argv[5]);
  if (max > MESSAGE_BYTES_MAX || max < MESSAGE_BYTES_MIN || block > MESSAGE_BYTES_MAX) return 2;
  instance = own_instance();
  held = malloc(3 * MESSAGE_BYTES_MAX);
  must(held != NULL, "malloc");
  for (uint32_t index = 0; index < FILLING_BYTES; index++)
    filling[index] = 'a' + mixed(index, 7, 7) % 26;
  open_tally();
  if (framing == BYTES) write_bytes(max);
  else write_messages(framing, max, block, argc > 6 && strcmp(argv[6], "flip") == 0);
  return 0;
}
