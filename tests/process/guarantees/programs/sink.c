/*
 * A consumer under test: accepts whole messages, each with one record in its log by one write(2),
 * so that the log says what was processed and what a killed instance had read only.
 *
 *   sink ID FRAMING MAX FD PAUSE [FAULT]
 *
 *   PAUSE  microseconds before each read, in half of the time; the other half it is fast
 *   FAULT  twice, skip, swap: every 500th message is recorded twice, never, behind the next one
 *
 * File log.ID: see struct record. Reads READ_BYTES at a time: a killed instance has read so much
 * and a message at most that is not in the log.
 */
#include "message.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 4096
#define PACKET_BYTES (MESSAGE_BYTES_MAX + 1)

static char held[2 * MESSAGE_BYTES_MAX];
static size_t held_bytes;
static int log_fd, in_fd;
static uint32_t instance;
/* Of cells: where in the stream we are. */
static int is_known;
static const char *fault = "";

static void record(enum kind kind, uint32_t source, uint32_t of, uint32_t sequence, uint32_t at,
                   uint32_t bytes) {
  static struct record late;
  static uint32_t accepted;
  struct record record = {kind, instance, source, of, sequence, at, bytes, 0};
  int is_chosen = kind == MESSAGE && ++accepted % 500 == 0;
  if (is_chosen && strcmp(fault, "skip") == 0) return;
  if (is_chosen && strcmp(fault, "swap") == 0) {
    late = record;
    return;
  }
  int times = is_chosen && strcmp(fault, "twice") == 0 ? 2 : 1;
  while (times-- > 0)
    if (write(log_fd, &record, sizeof record) != sizeof record) exit(4);
  if (late.bytes > 0 && write(log_fd, &late, sizeof late) != sizeof late) exit(4);
  late.bytes = 0;
}

/* Judges a message, and records what it is. `size`: with its framing. */
static void judge(const char *text, size_t length, size_t size) {
  char head[96], *end;
  size_t head_bytes = length < sizeof head - 1 ? length : sizeof head - 1;
  uint32_t numbers[6] = {0};
  memcpy(head, text, head_bytes);
  head[head_bytes] = 0;
  char *at = head;
  for (int index = 0; index < 6; index++) {
    numbers[index] = strtoul(at, &end, index == 0 ? 16 : 10);
    if (end == at || *end != ' ' || (index == 0 && end != head + 8)) goto malformed;
    at = end + 1;
  }
  if (numbers[5] != length || numbers[0] != checksum(text + 9, length - 9)) goto malformed;
  return record(MESSAGE, numbers[1], numbers[2], numbers[3], numbers[4], size);
malformed:
  record(MALFORMED, 0, 0, 0, 0, size);
}

/* @returns bytes that belong to whole lines. */
static size_t take_lines(int is_json) {
  size_t from = 0;
  for (char *feed; (feed = memchr(held + from, '\n', held_bytes - from)) != NULL;) {
    size_t size = feed + 1 - (held + from);
    const char *line = held + from;
    from += size;
    if (!is_json) judge(line, size - 1, size);
    else if (size >= 3 && line[0] == '"' && line[size - 2] == '"') judge(line + 1, size - 3, size);
    else record(MALFORMED, 0, 0, 0, 0, size);
  }
  return from;
}

static size_t take_frames(size_t max) {
  static int is_lost;
  size_t from = 0;
  while (!is_lost && held_bytes - from >= 4) {
    const unsigned char *head = (unsigned char *)held + from;
    size_t length = (size_t)head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3];
    if (length + 4 > max) {
      is_lost = 1;
      record(OUT_OF_STEP, 0, 0, 0, 0, held_bytes - from);
      break;
    }
    if (held_bytes - from < length + 4) break;
    judge(held + from + 4, length, length + 4);
    from += length + 4;
  }
  return is_lost ? held_bytes : from;
}

/* A cell's numbers; 0 where it is none. */
static int cell_at(const char *bytes, uint32_t *of, uint32_t *number) {
  char digits[16];
  for (int index = 1; index < 15; index++)
    if (!isdigit((unsigned char)bytes[index])) return 0;
  if (bytes[0] != '@' || bytes[15] != '\n') return 0;
  memcpy(digits, bytes + 1, 6);
  digits[6] = 0;
  *of = atoi(digits);
  memcpy(digits, bytes + 7, 8);
  digits[8] = 0;
  *number = atoi(digits);
  return 1;
}

/*
 * Which bytes of which instance: one record for each piece without a break. A cell that a kill
 * has cut is followed by the first of another instance.
 */
static size_t take_cells(void) {
  static uint32_t of, at; /* what comes next */
  size_t from = 0, piece = 0;
  char expected[CELL_BYTES];
  while (held_bytes - from >= CELL_BYTES) {
    uint32_t next_of, number;
    const char *mark = memchr(held + from, '@', CELL_BYTES);
    size_t cut = mark ? mark - (held + from) : CELL_BYTES;
    if (cut > 0) {
      /* At our beginning: the end of a cell that the instance before us had begun to read. */
      if (is_known) record(MALFORMED, 0, 0, 0, 0, cut);
      from += cut;
      continue;
    }
    mark = memchr(held + from + 1, '@', CELL_BYTES - 1);
    cut = mark ? mark - (held + from) : CELL_BYTES;
    put_cell(expected, of, at / CELL_BYTES);
    if (is_known && at % CELL_BYTES == 0 && memcmp(held + from, expected, cut) == 0 &&
        (cut == CELL_BYTES || held_bytes - from >= cut + CELL_BYTES)) {
      piece += cut, at += cut, from += cut;
      continue;
    }
    if (cut < CELL_BYTES && held_bytes - from < cut + CELL_BYTES) break; /* more has to come */
    if (cut < CELL_BYTES || !cell_at(held + from, &next_of, &number)) {
      /* At our beginning: of a cell that was cut by a kill of its source, where it was does not show. */
      if (is_known || cut == CELL_BYTES) record(MALFORMED, 0, 0, 0, 0, cut);
      from += cut;
      continue;
    }
    if (piece > 0) record(SPAN, 0, of, 0, at - piece, piece);
    is_known = 1, of = next_of, at = (number + 1) * CELL_BYTES, piece = CELL_BYTES;
    from += CELL_BYTES;
  }
  if (piece > 0) record(SPAN, 0, of, 0, at - piece, piece);
  return from;
}

int main(int argc, char **argv) {
  if (argc < 6) return 2;
  char path[64];
  uint32_t id = atoi(argv[1]), pause = atoi(argv[5]);
  enum framing framing = framing_of(argv[2]);
  size_t max = atoi(argv[3]), whole = 0;
  in_fd = atoi(argv[4]);
  if (argc > 6) fault = argv[6];
  instance = own_instance();
  snprintf(path, sizeof path, "log.%u", id);
  log_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (log_fd < 0) return 4;
  record(BEGIN, 0, 0, 0, 0, 0);
  for (uint32_t count = 0;; count++) {
    if (pause > 0 && (count / 64 + instance) % 2 == 1) usleep(pause);
    size_t room = framing == PACKETS ? PACKET_BYTES : READ_BYTES;
    if (held_bytes + room > sizeof held) return 5; /* no message is so long */
    ssize_t got = read(in_fd, held + held_bytes, room);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return 6;
    if (got == 0) break;
    held_bytes += got;
    if (framing == PACKETS) judge(held, held_bytes, held_bytes), whole = held_bytes;
    else if (framing == FRAMES) whole = take_frames(max);
    else if (framing == BYTES) whole = take_cells();
    else whole = take_lines(framing == NDJSON);
    held_bytes -= whole;
    memmove(held, held + whole, held_bytes);
  }
  if (held_bytes > 0 && (framing != BYTES || is_known)) record(MALFORMED, 0, 0, 0, 0, held_bytes);
  record(END, 0, 0, 0, 0, 0);
  return 0;
}
