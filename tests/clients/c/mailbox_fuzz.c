// mailbox_fuzz SLOTS SAMPLE_BYTES KEEP_ALL KEEP CRC ROUNDS SEED: corrupted headers, as
// tests/unit/child/mailbox/fuzz_test.ts has them for Deno; prints how many rounds ended how. Both
// segments end at a page that nobody may touch: whoever reads behind them dies.
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void *guarded(size_t bytes, int protection, int fd);
#define mmap(address, bytes, protection, flags, fd, offset) guarded(bytes, protection, fd)
#include "coxswain.h"
#undef mmap

enum { SAMPLES, PAGE, OUTCOMES = COX_CORRUPT + 1, REFUSED = OUTCOMES };
static int fds[2];
static uint32_t *words[2], random_state;
static size_t sizes[2];

static void fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

/* The same mapping again: a round is short. Data ends at a page that may not be touched. */
static void *guarded(size_t bytes, int protection, int fd) {
  static char *mapped[2][4];
  char **place = &mapped[fd == fds[PAGE]][protection & 3];
  if (*place != NULL) return *place;
  size_t whole = (bytes + COX_PAGE - 1) / COX_PAGE * COX_PAGE;
  char *room = mmap(NULL, whole + 2 * COX_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return MAP_FAILED;
  return *place = mmap(room + COX_PAGE, whole, protection, MAP_SHARED | MAP_FIXED, fd, 0);
}

/* xorshift32 */
static uint32_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  return random_state ^= random_state << 5;
}
static uint32_t pick(uint32_t count) { return next_random() % count; }

static uint32_t some_value(void) {
  static const uint32_t edges[] = {0, 1, 2, ~0u, 0x7fffffff, 0x80000000, 64, 65, 0x3fffff, 0x200000};
  if (pick(3) == 0) return edges[pick(10)];
  return pick(2) == 0 ? pick(32) : next_random();
}

static void corrupt(const struct cox_shape *shape) {
  uint32_t where = pick(4), value = some_value();
  if (where == 0) words[SAMPLES][pick(24)] = value;
  else if (where == 1) words[SAMPLES][16 + pick(5)] = value;
  else if (where == 2) words[PAGE][16 + pick(5)] = value;
  else words[SAMPLES][COX_PAGE / 4 + pick(shape->slots) * (cox_stride(shape->sample_bytes) / 4) + pick(10)] = value;
}

/* @returns the last of up to three samples' results. */
static int read_some(struct cox_consumer *in, const struct cox_shape *shape) {
  enum cox_result found = COX_NONE;
  struct cox_sample sample;
  uint32_t sum = 0;
  for (int at = 0; at < 3; at++) {
    found = pick(8) == 0 ? cox_receive_spinning(in, &sample, 0, 0) : cox_poll(in, &sample);
    if (found != COX_SAMPLE) break;
    if (sample.length > shape->sample_bytes || sample.slot >= shape->slots) fail("a sample elsewhere");
    for (uint32_t byte = 0; byte < sample.length; byte++) sum += sample.data[byte];
    cox_release(in, &sample);
  }
  if (sum == UINT32_MAX) fail("no such sum");
  if (found != COX_CORRUPT) return (int)found;
  const char *told = (const char *)(words[PAGE] + COX_FAULT_TEXT);
  if (in->fault == NULL || strlen(in->fault) == 0) fail("no fault");
  if (strcmp(told, in->fault) != 0 || words[PAGE][COX_FAULT] != 7) fail("the page does not say so");
  if (cox_poll(in, &sample) != COX_CORRUPT) fail("it went on");
  return COX_CORRUPT;
}

static void share(int which, const char *name, size_t bytes) {
  sizes[which] = (bytes + COX_PAGE - 1) / COX_PAGE * COX_PAGE;
  fds[which] = memfd_create(name, 0);
  if (fds[which] < 0 || ftruncate(fds[which], (off_t)sizes[which]) != 0) fail("memory");
  words[which] = mmap(NULL, sizes[which], PROT_READ | PROT_WRITE, MAP_SHARED, fds[which], 0);
}

int main(int argc, char **argv) {
  if (argc < 8) return 100;
  struct cox_shape shape = {.slots = (uint32_t)atoi(argv[1]), .sample_bytes = (uint32_t)atoi(argv[2]),
                            .keep_all = (uint32_t)atoi(argv[3]), .keep = (uint32_t)atoi(argv[4]),
                            .crc32c = (uint32_t)atoi(argv[5]), .consumers = 1};
  random_state = (uint32_t)atoi(argv[7]);
  share(SAMPLES, "samples", cox_segment_bytes(&shape));
  share(PAGE, "page", COX_PAGE);
  const uint32_t header[12] = {COX_MAGIC, COX_VERSION, COX_PAGE, shape.slots,
                               cox_stride(shape.sample_bytes), shape.sample_bytes, 0, 0,
                               shape.keep_all, shape.keep, 1, shape.crc32c};
  memcpy(words[SAMPLES], header, sizeof header);
  words[PAGE][COX_ATTACHED] = 1;
  words[PAGE][COX_ATTACHED_EPOCH] = 7;
  struct cox_producer out;
  struct cox_consumer in;
  struct cox_loan loan;
  if (cox_producer_open(&out, fds[SAMPLES], &fds[PAGE], &shape) != COX_OK) fail(out.fault);
  for (int at = 0; at < 11; at++) {
    if (cox_try_loan(&out, &loan) != COX_OK) fail("no loan");
    memset(loan.data, at, loan.length = 1);
    cox_publish(&out, &loan, 1);
  }
  uint32_t *good[2];
  for (int which = 0; which < 2; which++)
    good[which] = memcpy(malloc(sizes[which]), words[which], sizes[which]);
  unsigned counts[OUTCOMES + 1] = {0};
  for (int round = atoi(argv[6]); round > 0; round--) {
    for (int which = 0; which < 2; which++) memcpy(words[which], good[which], sizes[which]);
    int was_open = pick(2) == 0;
    if (was_open && cox_consumer_open(&in, fds[SAMPLES], fds[PAGE], 0, &shape, COX_RESUME) != COX_OK)
      fail(in.fault);
    for (uint32_t left = pick(3) + 1; left > 0; left--) corrupt(&shape);
    int opens = was_open ||
                cox_consumer_open(&in, fds[SAMPLES], fds[PAGE], 0, &shape, COX_RESUME) == COX_OK;
    counts[opens ? read_some(&in, &shape) : REFUSED]++;
    if (pick(4) != 0) continue;
    if (cox_producer_open(&out, fds[SAMPLES], &fds[PAGE], &shape) != COX_OK) continue;
    if (cox_loan(&out, &loan, 0) == COX_OK) cox_publish(&out, &loan, 1);
  }
  printf("{\"refused\":%u,\"corrupt\":%u,\"sample\":%u,\"none\":%u,\"ended\":%u}\n", counts[REFUSED],
         counts[COX_CORRUPT], counts[COX_SAMPLE], counts[COX_NONE], counts[COX_ENDED]);
  return 0;
}
