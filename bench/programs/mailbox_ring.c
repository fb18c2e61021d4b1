/* The C side of the mailbox benches: two processes, bound to a core each.
 *
 * mailbox_ring trips bare|cox BYTES COUNT spin|park: 64 bytes of each sample there and back;
 *   prints `p50 p99 p99.9 max mean` in nanoseconds: percentiles of single trips, and the median of
 *   the means of a thousand trips.
 * mailbox_ring flow bare BYTES COUNT SLOTS BATCH [CONSUMERS]: prints samples a second. Up to 64
 *   bytes a sample's number is written and compared; from there on all of it is filled and copied
 *   out. More consumers than one are bound to no core, and who waits yields it: each gets all.
 *
 * bare: a ring as one writes it by hand: a counter on either side, nothing else; no sequence, no
 * stamp, and a process that is killed takes it along. cox: the mailbox, by clients/c/coxswain.h. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include "../../clients/c/coxswain.h"

enum { BLOCK = 1000, PAYLOAD = 64 };

static void fail(const char *what) {
  perror(what);
  _exit(111);
}

static void bind_to(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) fail("sched_setaffinity");
}

static void *shared(size_t bytes) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE,
                      -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  return memory;
}

static int compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* ---- the ring by hand --------------------------------------------------------------------- */

struct ring {
  _Alignas(64) _Atomic uint64_t published;
  _Alignas(64) _Atomic uint64_t released;
  _Alignas(64) _Atomic uint32_t armed, bell;
  uint8_t *data;
  size_t stride, slots;
  int parks, yields;
};

static struct ring *make_ring(size_t bytes, size_t slots, int parks) {
  struct ring *ring = shared(4096);
  ring->stride = (bytes + 63) / 64 * 64;
  ring->slots = slots;
  ring->parks = parks;
  ring->data = shared(ring->stride * slots);
  return ring;
}

static uint8_t *slot_of(struct ring *ring, uint64_t number) {
  return ring->data + number % ring->slots * ring->stride;
}

static uint64_t await_published(struct ring *ring, uint64_t number) {
  for (;;) {
    uint64_t found = atomic_load_explicit(&ring->published, memory_order_acquire);
    if (found >= number) return found;
    if (!ring->parks) {
      if (ring->yields) sched_yield();
      else __builtin_ia32_pause();
      continue;
    }
    uint32_t bell = atomic_load(&ring->bell);
    atomic_store(&ring->armed, 1);
    if (atomic_load(&ring->published) < number)
      syscall(SYS_futex, &ring->bell, FUTEX_WAIT, bell, NULL, NULL, 0);
    atomic_store(&ring->armed, 0);
  }
}

static void publish(struct ring *ring, uint64_t number) {
  if (!ring->parks) {
    atomic_store_explicit(&ring->published, number, memory_order_release);
    return;
  }
  atomic_store(&ring->published, number);
  if (!atomic_load(&ring->armed)) return;
  atomic_store(&ring->armed, 0);
  atomic_fetch_add(&ring->bell, 1);
  syscall(SYS_futex, &ring->bell, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* ---- the mailbox --------------------------------------------------------------------------- */

static struct cox_shape shape = {.slots = 4, .keep_all = 1, .consumers = 1};

struct segment {
  int samples, page;
};

static struct segment make_mailbox(uint32_t bytes) {
  shape.sample_bytes = bytes;
  struct segment made = {memfd_create("samples", 0), memfd_create("page", 0)};
  if (made.samples < 0 || made.page < 0) fail("memfd_create");
  if (ftruncate(made.samples, (off_t)cox_segment_bytes(&shape)) != 0) fail("ftruncate");
  if (ftruncate(made.page, COX_PAGE) != 0) fail("ftruncate");
  uint32_t *words = mmap(NULL, COX_PAGE, PROT_WRITE, MAP_SHARED, made.samples, 0);
  uint32_t *page = mmap(NULL, COX_PAGE, PROT_WRITE, MAP_SHARED, made.page, 0);
  if (words == MAP_FAILED || page == MAP_FAILED) fail("mmap");
  const uint32_t header[12] = {COX_MAGIC, COX_VERSION, COX_PAGE, shape.slots, cox_stride(bytes),
                               bytes, 0, 0, 1, 0, 1, 0};
  memcpy(words, header, sizeof header);
  page[COX_ATTACHED] = 1;
  return made;
}

/* ---- round trips --------------------------------------------------------------------------- */

/* One end of both ways, of either kind. */
struct end {
  struct ring *out, *in;
  struct cox_producer producer;
  struct cox_consumer consumer;
  int64_t spin_ns;
};

static void send_one(struct end *end, uint64_t number, const uint64_t *words) {
  if (end->out != NULL) {
    memcpy(slot_of(end->out, number), words, PAYLOAD);
    publish(end->out, number);
    return;
  }
  struct cox_loan loan;
  if (cox_try_loan(&end->producer, &loan) != COX_OK) fail("loan");
  memcpy(loan.data, words, PAYLOAD);
  cox_publish(&end->producer, &loan, 1);
}

static void receive_one(struct end *end, uint64_t number, uint64_t *words) {
  if (end->in != NULL) {
    await_published(end->in, number);
    memcpy(words, slot_of(end->in, number), PAYLOAD);
    return;
  }
  struct cox_sample sample;
  if (cox_receive_spinning(&end->consumer, &sample, -1, end->spin_ns) != COX_SAMPLE) fail("sample");
  memcpy(words, sample.data, PAYLOAD);
  cox_release(&end->consumer, &sample);
}

static void open_end(struct end *end, struct segment out, struct segment in) {
  if (cox_producer_open(&end->producer, out.samples, &out.page, &shape) != COX_OK) fail("producer");
  if (cox_consumer_open(&end->consumer, in.samples, in.page, 0, &shape, COX_RESUME) != COX_OK)
    fail("consumer");
}

static int trips(int bare, uint32_t bytes, uint64_t count, int parks) {
  struct ring *there = make_ring(bytes, 4, parks), *back = make_ring(bytes, 4, parks);
  struct segment there_box = make_mailbox(bytes), back_box = make_mailbox(bytes);
  struct end end = {.spin_ns = parks ? 0 : -1};
  uint64_t words[PAYLOAD / 8] = {0};
  pid_t child = fork();
  if (child < 0) fail("fork");
  bind_to(child == 0);
  if (bare) end.out = child ? there : back, end.in = child ? back : there;
  else open_end(&end, child ? there_box : back_box, child ? back_box : there_box);
  if (child == 0) {
    for (uint64_t at = 1; at <= count; at++) {
      receive_one(&end, at, words);
      send_one(&end, at, words);
    }
    _exit(0);
  }
  uint64_t *times = calloc(count, sizeof *times), *means = calloc(count / BLOCK, sizeof *means);
  uint64_t block = cox_now_ns();
  for (uint64_t at = 1; at <= count; at++) {
    uint64_t from = cox_now_ns();
    words[0] = at;
    send_one(&end, at, words);
    receive_one(&end, at, words);
    if (words[0] != at) fail("another answer");
    times[at - 1] = cox_now_ns() - from;
    if (at % BLOCK != 0) continue;
    uint64_t now = cox_now_ns();
    means[at / BLOCK - 1] = (now - block) / BLOCK;
    block = now;
  }
  qsort(times, count, sizeof *times, compare);
  qsort(means, count / BLOCK, sizeof *means, compare);
  printf("%lu %lu %lu %lu %lu\n", times[count / 2], times[count * 99 / 100],
         times[count * 999 / 1000], times[count - 1], means[count / BLOCK / 2]);
  return 0;
}

/* ---- one way --------------------------------------------------------------------------------- */

/* Where each consumer is, on a line of its own. */
struct cursor {
  _Alignas(64) _Atomic uint64_t released;
};

static void flow_in(struct ring *ring, struct cursor *cursor, size_t bytes, uint64_t count,
                    uint64_t batch) {
  int whole = bytes > PAYLOAD;
  uint8_t *into = malloc(bytes);
  memset(into, 0, bytes);
  for (uint64_t at = 1; at <= count;) {
    uint64_t end = await_published(ring, at);
    for (; at <= end; at++) {
      uint8_t *slot = slot_of(ring, at);
      if (whole) memcpy(into, slot, bytes);
      else memcpy(into, slot, 8);
      if (into[0] != (uint8_t)at) fail("another sample");
      if (at % batch == 0 || at == end)
        atomic_store_explicit(&cursor->released, at, memory_order_release);
    }
  }
}

static uint64_t slowest(struct cursor *cursors, int consumers) {
  uint64_t least = UINT64_MAX;
  for (int at = 0; at < consumers; at++) {
    uint64_t found = atomic_load_explicit(&cursors[at].released, memory_order_acquire);
    if (found < least) least = found;
  }
  return least;
}

static int flow(size_t bytes, uint64_t count, size_t slots, uint64_t batch, int consumers) {
  struct ring *ring = make_ring(bytes, slots, 0);
  struct cursor *cursors = shared(sizeof *cursors * (size_t)consumers);
  int whole = bytes > PAYLOAD;
  ring->yields = consumers > 1;
  for (int at = 0; at < consumers; at++) {
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child != 0) continue;
    if (consumers == 1) bind_to(1);
    flow_in(ring, &cursors[at], bytes, count, batch);
    _exit(0);
  }
  if (consumers == 1) bind_to(0);
  uint64_t from = cox_now_ns(), released = 0;
  for (uint64_t at = 1; at <= count;) {
    for (uint64_t in_batch = 0; in_batch < batch && at <= count; in_batch++, at++) {
      while (at > released + slots) {
        released = slowest(cursors, consumers);
        if (at <= released + slots) break;
        publish(ring, at - 1);
        if (ring->yields) sched_yield();
      }
      uint8_t *slot = slot_of(ring, at);
      if (whole) memset(slot, (int)at, bytes);
      else memcpy(slot, &at, 8);
    }
    publish(ring, at - 1);
  }
  for (int at = 0; at < consumers; at++) {
    int status;
    if (waitpid(-1, &status, 0) < 0 || status != 0) return 111;
  }
  printf("%f\n", (double)count / ((double)(cox_now_ns() - from) / 1e9));
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 6) return 100;
  uint32_t bytes = (uint32_t)atol(argv[3]);
  uint64_t count = strtoull(argv[4], NULL, 10);
  int bare = strcmp(argv[2], "bare") == 0;
  if (strcmp(argv[1], "trips") == 0)
    return trips(bare, bytes, count, strcmp(argv[5], "park") == 0);
  return flow(bytes, count, (size_t)atol(argv[5]), strtoull(argv[6], NULL, 10),
              argc > 7 ? atoi(argv[7]) : 1);
}
