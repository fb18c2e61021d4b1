// mailbox_settling: a producer in C whose consumer's cursor arrives late, for the test. Each sleep
// is a line: the longest that it may last, in ns, and for whom the producer is armed. The cursor
// arrives in the first of them (late) or in the first long one (never).
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static long futex_told(void *word, int op, uint32_t seen, const void *timeout);
#define syscall(number, word, op, value, timeout, ...) futex_told(word, op, value, timeout)
#include "coxswain.h"

static struct cox_shape shape = {.slots = 2, .sample_bytes = 64, .keep_all = 1, .consumers = 1};
static uint32_t *samples, *page;
static int is_late;

static long futex_told(void *word, int op, uint32_t seen, const void *timeout) {
  if (op != FUTEX_WAIT || *(uint32_t *)word != seen) return 0;
  const struct timespec *time = timeout;
  printf("%lld %u\n", (long long)time->tv_sec * 1000000000 + time->tv_nsec,
         samples[COX_PRODUCER_ARMED] & 0xff);
  int is_long = time->tv_sec > 0;
  if (!is_long) nanosleep(time, NULL);
  // An ordinary store that nobody rings for: its consumer has looked before it armed.
  if (is_late || is_long) page[COX_CURSOR] = 1;
  return 0;
}

static uint32_t *shared(int fd, size_t bytes) {
  if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0) exit(111);
  return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

int main(int argc, char **argv) {
  is_late = argc > 1 && strcmp(argv[1], "late") == 0;
  int samples_fd = memfd_create("samples", 0), page_fd = memfd_create("page", 0);
  samples = shared(samples_fd, cox_segment_bytes(&shape));
  page = shared(page_fd, COX_PAGE);
  const uint32_t header[12] = {COX_MAGIC, COX_VERSION, COX_PAGE, shape.slots,
                               cox_stride(shape.sample_bytes), shape.sample_bytes, 0, 0, 1, 0, 1, 0};
  memcpy(samples, header, sizeof header);
  page[COX_ATTACHED] = 1;
  struct cox_producer out;
  if (cox_producer_open(&out, samples_fd, &page_fd, &shape) != COX_OK) return 111;
  struct cox_loan loan;
  for (int at = 0; at < 3; at++) {
    if (cox_loan(&out, &loan, 20000000000) != COX_OK) return 111;
    cox_publish(&out, &loan, 1);
  }
  printf("published %llu armed %u\n", (unsigned long long)out.published,
         samples[COX_PRODUCER_ARMED] & 0xff);
  return 0;
}
