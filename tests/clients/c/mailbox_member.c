// mailbox_member read|write|echo UPTO: a member of a mailbox in C, for the tests.
// 4 samples, 5 a consumer's page; echo: 4, 5 in and 6, 7 out. The shape is that of the test vector
// (argv: slots sample_bytes keep_all keep crc32c).
#include <stdio.h>
#include <stdlib.h>
#include "coxswain.h"

static uint32_t word_of(uint64_t sequence, uint32_t at) {
  return (uint32_t)(sequence + at) * 0x9e3779b1u;
}

static int read_all(const struct cox_shape *shape) {
  struct cox_consumer in;
  if (cox_consumer_open(&in, 4, 5, 0, shape, COX_RESUME) != COX_OK) {
    printf("refused %s\n", in.fault);
    return 100;
  }
  struct cox_sample sample;
  enum cox_result found;
  unsigned long long received = 0, missed = 0, wrong = 0, last = 0;
  while ((found = cox_receive(&in, &sample, 20000000000)) == COX_SAMPLE) {
    int torn = 0;
    for (uint32_t at = 0; at < sample.length / 4; at++) {
      uint32_t word;
      memcpy(&word, sample.data + 4 * at, 4);
      torn |= word != word_of(sample.sequence, at);
    }
    missed += sample.missed;
    int is_wrong = last != 0 && sample.sequence != last + sample.missed + 1;
    last = sample.sequence;
    if (cox_release(&in, &sample) == COX_OK) is_wrong |= torn, received++;
    else missed++;
    if (!is_wrong) continue;
    wrong++;
    printf("wrong %llu\n", last); // at once: it may be killed
    fflush(stdout);
  }
  printf("{\"found\":%d,\"received\":%llu,\"missed\":%llu,\"wrong\":%llu,\"last\":%llu}\n", found,
         received, missed, wrong, last);
  return found == COX_ENDED ? 0 : 111;
}

static int write_all(const struct cox_shape *shape, unsigned long long up_to) {
  struct cox_producer out;
  int page = 5;
  if (cox_producer_open(&out, 4, &page, shape) != COX_OK) {
    printf("refused %s\n", out.fault);
    return 100;
  }
  while (out.published < up_to) {
    struct cox_loan loan;
    if (cox_loan(&out, &loan, 20000000000) != COX_OK) return 111;
    loan.length = (uint32_t)(8 + loan.sequence % (shape->sample_bytes / 4 - 1) * 4);
    loan.stamp_ns = 1000 + loan.sequence;
    loan.origin_ns = 500 + loan.sequence;
    for (uint32_t at = 0; at < loan.length / 4; at++) {
      uint32_t word = word_of(loan.sequence, at);
      memcpy(loan.data + 4 * at, &word, 4);
    }
    cox_publish(&out, &loan, 1);
  }
  return 0;
}

// Round trips: first sends, then waits; the other the reverse. Prints p50 and p99.
static int compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}
static int trips(const struct cox_shape *shape, unsigned long long count, int first, int64_t spin) {
  struct cox_producer out;
  struct cox_consumer in;
  int page = first ? 5 : 7;
  if (cox_producer_open(&out, first ? 4 : 6, &page, shape) != COX_OK) return 100;
  if (cox_consumer_open(&in, first ? 6 : 4, first ? 7 : 5, 0, shape, COX_RESUME) != COX_OK) return 100;
  uint64_t *times = calloc(count, sizeof *times);
  for (unsigned long long at = 0; at < count; at++) {
    uint64_t began = cox_now_ns();
    struct cox_loan loan;
    struct cox_sample sample;
    for (int half = 0; half < 2; half++) {
      if (half == !first) {
        if (cox_try_loan(&out, &loan) != COX_OK) return 111;
        memset(loan.data, 1, loan.length = 64);
        cox_publish(&out, &loan, 1);
      } else {
        if (cox_receive_spinning(&in, &sample, 20000000000, spin) != COX_SAMPLE) return 111;
        cox_release(&in, &sample);
      }
    }
    times[at] = cox_now_ns() - began;
  }
  qsort(times, count, sizeof *times, compare);
  printf("{\"done\":%llu,\"p50\":%llu,\"p99\":%llu}\n", count, (unsigned long long)times[count / 2],
         (unsigned long long)times[count * 99 / 100]);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 8) return 100;
  struct cox_shape shape = {.slots = (uint32_t)atoi(argv[3]), .sample_bytes = (uint32_t)atoi(argv[4]),
                            .keep_all = (uint32_t)atoi(argv[5]), .keep = (uint32_t)atoi(argv[6]),
                            .crc32c = (uint32_t)atoi(argv[7]), .consumers = 1};
  unsigned long long up_to = strtoull(argv[2], NULL, 10);
  if (strcmp(argv[1], "read") == 0) return read_all(&shape);
  if (strcmp(argv[1], "write") == 0) return write_all(&shape, up_to);
  int64_t spin = argc > 8 ? atoll(argv[8]) : 0;
  return trips(&shape, up_to, strcmp(argv[1], "ping") == 0, spin);
}
