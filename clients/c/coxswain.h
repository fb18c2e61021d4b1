/*
 * The client of Coxswain for C11 on Linux: shared-memory mailboxes. One header, no library.
 *
 *   #include "coxswain.h"
 *
 *   #define READING(number, array) number(f64, t) array(f32, values, 3)
 *   COX_STRUCT(reading, READING)         struct reading, and its schema as reading_schema
 *
 *   struct cox_consumer in;
 *   if (cox_consumer_connect(&in, "readings", reading_schema) != COX_OK) {
 *     fprintf(stderr, "readings: %s\n", in.fault);
 *     exit(100);
 *   }
 *   struct cox_sample sample;
 *   while (cox_receive(&in, &sample, -1) == COX_SAMPLE) {
 *     const struct reading *reading = (const void *)sample.data;
 *     use(reading->t, reading->values, sample.sequence, sample.missed);
 *     if (cox_release(&in, &sample) == COX_OVERTAKEN) forget();
 *   }
 *
 * The memory, byte by byte, and why the order of accesses is what it is: docs/mailbox.md. Nothing
 * that is read from memory decides where memory is touched. A producer or consumer belongs to one
 * thread, and stays where it was opened. x86-64 and other little-endian 64-bit machines.
 */
#ifndef COXSWAIN_H
#define COXSWAIN_H
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define COX_MAGIC 0x4d584f43u
#define COX_VERSION 1u
#define COX_PAGE 4096u
#define COX_SLOT_HEADER 64u
#define COX_CONSUMERS_MAX 64
#define COX_FAULT_BYTES 128
/* A consumer may write its cursor by an ordinary store and look behind it whether the producer is
 * armed: the store can wait in its processor until after that look. It does for some hundred
 * nanoseconds, and no longer than to the next interrupt; what was stored when the producer armed
 * can be read by all so much later. */
#define COX_SETTLE_NS 1000000u

enum cox_result {
  COX_OK,
  COX_SAMPLE,
  COX_NONE,      /* there is none, or the time is up */
  COX_FULL,      /* keepAll: a consumer still needs the slot; or it is one loan too many */
  COX_ENDED,     /* no more will come */
  COX_OVERTAKEN, /* the producer has begun to write over it */
  COX_CORRUPT    /* memory is not as it should be: `fault` says what; the link has ended */
};
enum cox_from { COX_RESUME, COX_NEWEST };

/* What the mailbox is: what the process was told, never what memory says. */
struct cox_shape {
  uint32_t slots, sample_bytes;
  uint32_t keep_all; /* 0: keepLast */
  uint32_t keep;     /* of keepLast; else 0 */
  uint32_t consumers;
  uint32_t crc32c; /* 1: each sample carries a checksum */
  uint32_t schema_low, schema_high;
};

/* Words of a samples segment, of a slot's header, of a consumer's page. */
enum { COX_PUBLISHED = 16, COX_EPOCH = 18, COX_STATE = 19, COX_BELL = 20, COX_PRODUCER_ARMED = 32,
       COX_LAST_PUBLISH = 48, COX_HEARTBEAT = 50 };
enum { COX_TURN, COX_LENGTH, COX_SEQ_LOW, COX_SEQ_HIGH, COX_STAMP_LOW, COX_STAMP_HIGH,
       COX_SAMPLE_EPOCH, COX_CRC, COX_ORIGIN_LOW, COX_ORIGIN_HIGH };
enum { COX_CURSOR = 16, COX_ARMED = 64, COX_CONSUMER_EPOCH = 19, COX_CONSUMER_BELL = 20,
       COX_RECEIVED = 32, COX_MISSED = 34, COX_BYTES = 36, COX_OVERTAKEN_COUNT = 38,
       COX_LAST_RECEIVE = 40, COX_WORST_AGE = 42, COX_EXPIRED = 44, COX_LATE = 46, COX_ATTACHED = 48, COX_ATTACHED_EPOCH = 49,
       COX_FAULT = 80, COX_PATH_LATE = 96, COX_LAST_ORIGIN = 112, COX_FAULT_TEXT = 128 };
enum { COX_PATHS_MAX = 8 };
enum { COX_PARKED = 1, COX_AT_DOORBELL = 2 }; /* ways to wait, of an armed word */

typedef _Atomic uint32_t cox_word;

static inline uint64_t cox_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint32_t cox_load(cox_word *word) { return atomic_load(word); }
static inline uint32_t cox_read(cox_word *word) {
  return atomic_load_explicit(word, memory_order_relaxed);
}
static inline void cox_store(cox_word *word, uint32_t value) { atomic_store(word, value); }
static inline void cox_write(cox_word *word, uint32_t value) {
  atomic_store_explicit(word, value, memory_order_relaxed);
}
static inline void cox_write_double(cox_word *word, double value) {
  uint64_t bits;
  memcpy(&bits, &value, 8);
  atomic_store_explicit((_Atomic uint64_t *)(void *)word, bits, memory_order_relaxed);
}

static inline double cox_read_double(cox_word *word) {
  uint64_t bits = atomic_load_explicit((_Atomic uint64_t *)(void *)word, memory_order_relaxed);
  double value;
  memcpy(&value, &bits, 8);
  return value > 0 && value < 1e300 ? value : 0;
}

static inline void cox_futex_wait(cox_word *word, uint32_t seen, int64_t timeout_ns) {
  struct timespec time = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
  syscall(SYS_futex, (void *)word, FUTEX_WAIT, seen, timeout_ns < 0 ? NULL : &time, NULL, 0);
}
static inline void cox_futex_wake(cox_word *word) {
  syscall(SYS_futex, (void *)word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static inline void cox_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

#if defined(__x86_64__)
/* By the instruction for it, eight bytes at a time. */
__attribute__((target("sse4.2"))) static inline uint32_t cox_crc32c_sse(const uint8_t *bytes,
                                                                       uint32_t length) {
  uint64_t crc = ~0u, eight;
  for (; length >= 8; length -= 8, bytes += 8) {
    memcpy(&eight, bytes, 8);
    crc = __builtin_ia32_crc32di(crc, eight);
  }
  uint32_t rest = (uint32_t)crc;
  for (; length > 0; length--) rest = __builtin_ia32_crc32qi(rest, *bytes++);
  return ~rest;
}
#endif

/* RFC 3720, B.4; where there is no instruction for it, a byte at a time. */
static inline uint32_t cox_crc32c(const uint8_t *bytes, uint32_t length) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return cox_crc32c_sse(bytes, length);
#endif
  static uint32_t table[256];
  if (table[1] == 0) {
    for (uint32_t byte = 0; byte < 256; byte++) {
      uint32_t crc = byte;
      for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
      table[byte] = crc;
    }
  }
  uint32_t crc = ~0u;
  for (uint32_t at = 0; at < length; at++) crc = table[(crc ^ bytes[at]) & 0xff] ^ crc >> 8;
  return ~crc;
}

static inline uint32_t cox_stride(uint32_t sample_bytes) {
  uint32_t unit = sample_bytes >= COX_PAGE ? COX_PAGE : 64;
  return (COX_SLOT_HEADER + sample_bytes + unit - 1) / unit * unit;
}
static inline uint64_t cox_segment_bytes(const struct cox_shape *shape) {
  return COX_PAGE + (uint64_t)shape->slots * cox_stride(shape->sample_bytes);
}

/* Two words that overlap by a bit; the second is written first. UINT64_MAX: no position. */
static inline uint64_t cox_join(uint32_t low, uint32_t high) {
  uint32_t ahead = (high & 1) == low >> 31 ? 0 : 1;
  if (high < ahead || high - ahead >= 1u << 22) return UINT64_MAX;
  return (uint64_t)(high - ahead) << 31 | (low & 0x7fffffffu);
}
static inline uint64_t cox_position(cox_word *words) {
  for (int attempt = 0; attempt < 8; attempt++) {
    uint32_t high = cox_load(words + 1), low = cox_load(words);
    if (cox_load(words + 1) == high) return cox_join(low, high);
  }
  return UINT64_MAX;
}

/* Whether the header is what it must be; else what is wrong is in `fault`. */
static inline int cox_header_fits(cox_word *words, const struct cox_shape *shape, char *fault) {
  const uint32_t expected[12] = {
      COX_MAGIC, COX_VERSION, COX_PAGE, shape->slots, cox_stride(shape->sample_bytes),
      shape->sample_bytes, shape->schema_low, shape->schema_high, shape->keep_all, shape->keep,
      shape->consumers, shape->crc32c};
  static const char *const names[12] = {
      "magic", "version", "headerBytes", "slots", "slotStride", "sampleBytes", "schemaHash",
      "schemaHash", "history", "keep", "consumers", "checksum"};
  for (int at = 0; at < 12; at++) {
    uint32_t found = cox_read(words + at);
    if (found == expected[at]) continue;
    snprintf(fault, COX_FAULT_BYTES, "%s must be %u, is %u", names[at], expected[at], found);
    return 0;
  }
  uint32_t state = cox_read(words + COX_STATE);
  if (state > 1) snprintf(fault, COX_FAULT_BYTES, "state must be 0 or 1, is %u", state);
  return state <= 1;
}

static inline cox_word *cox_map(int fd, uint64_t bytes, int access) {
  struct stat stat;
  if (fstat(fd, &stat) != 0 || (uint64_t)stat.st_size < bytes) return NULL;
  void *memory = mmap(NULL, bytes, access, MAP_SHARED, fd, 0);
  return memory == MAP_FAILED ? NULL : (cox_word *)memory;
}

/* ---- schemas ----------------------------------------------------------------------------- */

typedef int8_t cox_i8;
typedef uint8_t cox_u8;
typedef int16_t cox_i16;
typedef uint16_t cox_u16;
typedef int32_t cox_i32;
typedef uint32_t cox_u32;
typedef int64_t cox_i64;
typedef uint64_t cox_u64;
typedef float cox_f32;
typedef double cox_f64;

#define COX_FIELD_NUMBER(type, name) cox_##type name;
#define COX_FIELD_ARRAY(type, name, length) cox_##type name[length];
#define COX_TEXT_NUMBER(type, name) #name ":" #type ";"
#define COX_TEXT_ARRAY(type, name, length) #name ":" #type "[" #length "];"
/* One list of fields makes the struct and its schema, so that the two cannot differ. Lengths are
 * written as digits. */
#define COX_STRUCT(name, FIELDS)                                                                   \
  struct name {                                                                                    \
    FIELDS(COX_FIELD_NUMBER, COX_FIELD_ARRAY)                                                      \
  };                                                                                               \
  static const char name##_schema[] = "struct{" FIELDS(COX_TEXT_NUMBER, COX_TEXT_ARRAY) "}";

/* 64-bit FNV-1a of a schema; never 0, which is for plain bytes. */
static inline uint64_t cox_schema_hash(const char *schema) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (; *schema != 0; schema++) hash = (hash ^ (uint8_t)*schema) * 0x100000001b3u;
  return hash == 0 ? 1 : hash;
}

/* ---- producer ---------------------------------------------------------------------------- */

struct cox_loan {
  uint8_t *data;
  uint32_t length;
  uint64_t sequence, stamp_ns, origin_ns; /* 0: now; its own stamp */
  uint32_t slot, turn;
};

struct cox_producer {
  struct cox_shape shape;
  cox_word *samples, *consumers[COX_CONSUMERS_MAX];
  int doorbells[COX_CONSUMERS_MAX]; /* write ends that do not block; -1 for none */
  uint64_t published, cursor_min, cursors[COX_CONSUMERS_MAX];
  uint32_t claimed, slot, turn, epoch, rung[COX_CONSUMERS_MAX], slowest, armed_count;
  const char *fault; /* of cox_producer_open and cox_producer_connect */
  char fault_text[COX_FAULT_BYTES];
};

static inline cox_word *cox_slot(cox_word *samples, const struct cox_shape *shape, uint32_t slot) {
  return samples + (COX_PAGE + (uint64_t)slot * cox_stride(shape->sample_bytes)) / 4;
}

static inline void cox_notify(struct cox_producer *p) {
  int parked = 0;
  for (uint32_t at = 0; at < p->shape.consumers; at++) {
    uint32_t armed = cox_load(p->consumers[at] + COX_ARMED);
    if ((armed & 3) == 0 || armed == p->rung[at]) continue;
    if ((armed & 3) == COX_PARKED) parked = 1;
    /* One that is full has rung enough. */
    else if (p->doorbells[at] < 0 || (write(p->doorbells[at], "", 1) < 0 && errno != EAGAIN)) continue;
    p->rung[at] = armed;
  }
  if (!parked) return;
  cox_store(p->samples + COX_BELL, cox_read(p->samples + COX_BELL) + 1);
  cox_futex_wake(p->samples + COX_BELL);
}

static inline enum cox_result cox_producer_open(struct cox_producer *p, int samples_fd,
                                                const int *page_fds,
                                                const struct cox_shape *shape) {
  memset(p, 0, sizeof *p);
  p->shape = *shape;
  p->fault = "consumers must be 1 to 64";
  if (shape->consumers < 1 || shape->consumers > COX_CONSUMERS_MAX) return COX_CORRUPT;
  p->fault = "a segment cannot be mapped, or is too small";
  p->samples = cox_map(samples_fd, cox_segment_bytes(shape), PROT_READ | PROT_WRITE);
  if (p->samples == NULL) return COX_CORRUPT;
  for (uint32_t at = 0; at < shape->consumers; at++) {
    p->consumers[at] = cox_map(page_fds[at], COX_PAGE, PROT_READ);
    p->doorbells[at] = -1;
    if (p->consumers[at] == NULL) return COX_CORRUPT;
  }
  p->fault = p->fault_text;
  if (!cox_header_fits(p->samples, shape, p->fault_text)) return COX_CORRUPT;
  p->published = cox_position(p->samples + COX_PUBLISHED);
  p->fault = "published is no position";
  if (p->published == UINT64_MAX) return COX_CORRUPT;
  p->fault = NULL;
  p->slot = (uint32_t)((p->published + 1) % shape->slots);
  p->turn = (uint32_t)((p->published + 1) / shape->slots) * 2 + 1;
  p->epoch = cox_load(p->samples + COX_EPOCH);
  p->armed_count = cox_read(p->samples + COX_PRODUCER_ARMED) >> 8;
  cox_store(p->samples + COX_PRODUCER_ARMED, p->armed_count << 8);
  cox_notify(p);
  return COX_OK;
}

static inline uint64_t cox_look_at_cursors(struct cox_producer *p) {
  uint64_t min = p->published;
  for (uint32_t at = 0; at < p->shape.consumers; at++) {
    if (cox_load(p->consumers[at] + COX_ATTACHED) != 1) continue;
    uint64_t cursor = cox_position(p->consumers[at] + COX_CURSOR);
    if (cursor <= p->published && cursor > p->cursors[at]) p->cursors[at] = cursor;
    if (p->cursors[at] < min) min = p->cursors[at], p->slowest = at;
  }
  return p->cursor_min = min;
}

/* Lends the next slot; several may be on loan, in this order. COX_OK or COX_FULL. */
static inline enum cox_result cox_try_loan(struct cox_producer *p, struct cox_loan *loan) {
  const struct cox_shape *shape = &p->shape;
  if (p->claimed >= shape->slots - shape->keep) return COX_FULL;
  uint64_t sequence = p->published + p->claimed + 1;
  if (shape->keep_all && sequence > shape->slots + p->cursor_min &&
      sequence > shape->slots + cox_look_at_cursors(p))
    return COX_FULL;
  cox_word *slot = cox_slot(p->samples, shape, p->slot);
  *loan = (struct cox_loan){.data = (uint8_t *)slot + COX_SLOT_HEADER,
                            .length = shape->sample_bytes, .sequence = sequence,
                            .slot = p->slot, .turn = p->turn};
  /* Large copies may go past the caches: those do not keep behind an ordinary store. */
  if (shape->sample_bytes >= COX_PAGE) cox_store(slot + COX_TURN, p->turn);
  else cox_write(slot + COX_TURN, p->turn);
  atomic_thread_fence(memory_order_release);
  p->claimed++;
  if (++p->slot == shape->slots) p->slot = 0, p->turn += 2;
  return COX_OK;
}

/* Whether a keepAll consumer still needs the slot of the next sample. */
static inline int cox_is_held_back(struct cox_producer *p) {
  return p->published + p->claimed + 1 > p->shape.slots + cox_look_at_cursors(p);
}

/* Sleeps until the slowest consumer has rung or released, or until `end`. */
static inline void cox_sleep_for_room(struct cox_producer *p, uint64_t end) {
  uint32_t consumer = p->slowest;
  cox_word *bell = p->consumers[consumer] + COX_CONSUMER_BELL;
  uint32_t seen = cox_load(bell);
  p->armed_count = (p->armed_count + 1) & 0xffffff;
  cox_store(p->samples + COX_PRODUCER_ARMED, p->armed_count << 8 | (consumer + 1));
  uint64_t now, settled = cox_now_ns() + COX_SETTLE_NS;
  /* Where the last look began before all had settled the sleep is short, and one more follows. */
  while ((now = cox_now_ns()) < end && cox_is_held_back(p) && p->slowest == consumer &&
         cox_load(bell) == seen) {
    uint64_t until = now < settled && settled < end ? settled : end;
    cox_futex_wait(bell, seen, (int64_t)(until - now));
  }
  cox_store(p->samples + COX_PRODUCER_ARMED, p->armed_count << 8);
}

/* As cox_try_loan; keepAll: waits up to timeout_ns for the slowest consumer. */
static inline enum cox_result cox_loan(struct cox_producer *p, struct cox_loan *loan,
                                       int64_t timeout_ns) {
  uint64_t end = cox_now_ns() + (uint64_t)timeout_ns;
  for (;;) {
    if (cox_try_loan(p, loan) == COX_OK) return COX_OK;
    if (!p->shape.keep_all || p->claimed >= p->shape.slots || cox_now_ns() >= end) return COX_FULL;
    cox_sleep_for_room(p, end);
  }
}

/* Publishes `count` loans, all that there are, in their order. */
static inline void cox_publish(struct cox_producer *p, struct cox_loan *loans, uint32_t count) {
  uint64_t now = cox_now_ns();
  for (uint32_t at = 0; at < count; at++) {
    struct cox_loan *loan = loans + at;
    cox_word *slot = cox_slot(p->samples, &p->shape, loan->slot);
    uint64_t stamp = loan->stamp_ns ? loan->stamp_ns : now;
    uint64_t origin = loan->origin_ns ? loan->origin_ns : stamp;
    cox_write(slot + COX_LENGTH, loan->length);
    cox_write(slot + COX_SEQ_LOW, (uint32_t)loan->sequence);
    cox_write(slot + COX_SEQ_HIGH, (uint32_t)(loan->sequence >> 32));
    cox_write(slot + COX_STAMP_LOW, (uint32_t)stamp);
    cox_write(slot + COX_STAMP_HIGH, (uint32_t)(stamp >> 32));
    cox_write(slot + COX_SAMPLE_EPOCH, p->epoch);
    cox_write(slot + COX_CRC, p->shape.crc32c ? cox_crc32c(loan->data, loan->length) : 0);
    cox_write(slot + COX_ORIGIN_LOW, (uint32_t)origin);
    cox_write(slot + COX_ORIGIN_HIGH, (uint32_t)(origin >> 32));
    cox_write(slot + COX_TURN, loan->turn + 1);
  }
  cox_write_double(p->samples + COX_LAST_PUBLISH, (double)now);
  uint64_t before = p->published;
  p->published += p->claimed;
  p->claimed = 0;
  if (before >> 31 != p->published >> 31)
    cox_store(p->samples + COX_PUBLISHED + 1, (uint32_t)(p->published >> 31));
  cox_store(p->samples + COX_PUBLISHED, (uint32_t)p->published);
  cox_notify(p);
}

/* ---- consumer ---------------------------------------------------------------------------- */

struct cox_sample {
  const uint8_t *data;
  uint32_t length, epoch, slot, turn;
  uint64_t sequence, stamp_ns, origin_ns, missed;
};

struct cox_consumer {
  struct cox_shape shape;
  cox_word *samples, *own;
  uint32_t number, slot, turn, armed_count, woken, cursor_high;
  uint64_t next, seen, skipped, attached_at;
  uint64_t told_early; /* of those skipped: counted as missed already */
  uint32_t lent;
  double received, missed, bytes, overtaken, expired, late, worst_age;
  int64_t lifespan_ns; /* a sample that is older at its receipt is given back and counted; 0: none */
  int64_t latency_ns;  /* one that is older is counted as late; 0: none */
  /* Of the paths that end here: one whose origin is older is counted as late for that path. */
  int64_t path_limit_ns[COX_PATHS_MAX];
  double path_late[COX_PATHS_MAX], last_origin;
  uint32_t paths;
  int newest; /* one that has fallen behind goes on at the newest, not at the oldest kept */
  int64_t spin_ns;
  int doorbell;      /* its read end, not blocking, nobody else's; -1: none */
  int tells;         /* whether the supervisor is told at once that memory is corrupt */
  const char *fault; /* why it was not opened, or why the link has ended though the mailbox has not */
  char fault_text[COX_FAULT_BYTES];
};

/* Lets the supervisor look for what is in a page of this process; without one, nothing. One whose
 * socket is full has a message to hear that lets it look as well, and at the latest it looks when
 * this process has ended. */
static inline void cox_tell_corrupt(void) {
  static const char text[] = "X_COX_MAILBOX=corrupt";
  const char *path = getenv("NOTIFY_SOCKET");
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  size_t length = path == NULL ? 0 : strlen(path);
  if (length == 0 || length >= sizeof to.sun_path) return;
  memcpy(to.sun_path, path, length);
  /* sd_notify(3): "@" stands for the NUL of an abstract name. */
  if (*path == '@') to.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  (void)!sendto(fd, text, sizeof text - 1, MSG_NOSIGNAL, (const struct sockaddr *)&to,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
  close(fd);
}

/* Ends the link; the supervisor reads this page and makes an event of it. */
__attribute__((format(printf, 2, 3))) static inline enum cox_result
cox_fail(struct cox_consumer *c, const char *format, ...) {
  va_list values;
  va_start(values, format);
  vsnprintf(c->fault_text, sizeof c->fault_text, format, values);
  va_end(values);
  c->fault = c->fault_text;
  memcpy(c->own + COX_FAULT_TEXT, c->fault_text, COX_FAULT_BYTES);
  cox_store(c->own + COX_FAULT, cox_load(c->own + COX_ATTACHED_EPOCH));
  if (c->tells) cox_tell_corrupt();
  return COX_CORRUPT;
}

static inline void cox_go_to(struct cox_consumer *c, uint64_t sequence) {
  c->next = sequence;
  c->slot = (uint32_t)(sequence % c->shape.slots);
  c->turn = (uint32_t)(sequence / c->shape.slots) * 2 + 2;
}

/* Brings `seen` up to date; 1: nothing more will come. */
static inline int cox_look(struct cox_consumer *c) {
  for (int attempt = 0; attempt < 2; attempt++) {
    uint64_t position = cox_position(c->samples + COX_PUBLISHED);
    if (position == UINT64_MAX || position < c->seen)
      return cox_fail(c, "published must be at least %llu, is %lld", (unsigned long long)c->seen,
                      (long long)position), 0;
    if (position != c->seen) return c->seen = position, 0;
    uint32_t state = cox_load(c->samples + COX_STATE);
    if (state == 0) return 0;
    if (state != 1) return cox_fail(c, "state must be 0 or 1, is %u", state), 0;
  }
  return 1;
}

/* Consumers of keepAll move by no more than a mailbox at a time. An ordinary store: a producer that
 * sleeps gives it the time to arrive (COX_SETTLE_NS). */
static inline void cox_move_cursor(struct cox_consumer *c, uint64_t position) {
  uint32_t high = (uint32_t)(position >> 31);
  if (high != c->cursor_high) {
    if (high != c->cursor_high + 1) cox_store(c->own + COX_CURSOR, c->cursor_high << 31);
    cox_store(c->own + COX_CURSOR + 1, high);
    c->cursor_high = high;
  }
  atomic_store_explicit(c->own + COX_CURSOR, (uint32_t)position, memory_order_release);
  if (!c->shape.keep_all) return;
  uint32_t armed = cox_read(c->samples + COX_PRODUCER_ARMED);
  if (armed == c->woken || (armed & 0xff) != c->number + 1) return;
  c->woken = armed;
  cox_store(c->own + COX_CONSUMER_BELL, cox_read(c->own + COX_CONSUMER_BELL) + 1);
  cox_futex_wake(c->own + COX_CONSUMER_BELL);
}

static inline enum cox_result cox_consumer_open(struct cox_consumer *c, int samples_fd,
                                                int page_fd, uint32_t number,
                                                const struct cox_shape *shape,
                                                enum cox_from from) {
  memset(c, 0, sizeof *c);
  c->shape = *shape;
  c->number = number;
  c->spin_ns = 20000;
  c->doorbell = -1;
  c->fault = "its page cannot be mapped";
  c->own = cox_map(page_fd, COX_PAGE, PROT_READ | PROT_WRITE);
  if (c->own == NULL) return COX_CORRUPT;
  c->fault = NULL;
  c->samples = cox_map(samples_fd, cox_segment_bytes(shape), PROT_READ);
  if (c->samples == NULL)
    return cox_fail(c, "a segment must have %llu bytes and be mapped",
                    (unsigned long long)cox_segment_bytes(shape));
  char fault[COX_FAULT_BYTES];
  if (!cox_header_fits(c->samples, shape, fault)) return cox_fail(c, "%s", fault);
  uint64_t cursor = cox_position(c->own + COX_CURSOR);
  c->armed_count = cox_read(c->own + COX_ARMED) >> 2;
  cox_store(c->own + COX_ARMED, c->armed_count << 2);
  cox_look(c);
  if (c->fault == NULL && (cursor == UINT64_MAX || cursor > c->seen))
    cox_fail(c, "cursor must be at most %llu, is %lld", (unsigned long long)c->seen,
             (long long)cursor);
  if (c->fault != NULL) return COX_CORRUPT;
  c->received = cox_read_double(c->own + COX_RECEIVED);
  c->missed = cox_read_double(c->own + COX_MISSED);
  c->bytes = cox_read_double(c->own + COX_BYTES);
  c->overtaken = cox_read_double(c->own + COX_OVERTAKEN_COUNT);
  c->expired = cox_read_double(c->own + COX_EXPIRED);
  c->late = cox_read_double(c->own + COX_LATE);
  c->last_origin = cox_read_double(c->own + COX_LAST_ORIGIN);
  for (int path = 0; path < COX_PATHS_MAX; path++)
    c->path_late[path] = cox_read_double(c->own + COX_PATH_LATE + 2 * path);
  c->worst_age = cox_read_double(c->own + COX_WORST_AGE);
  c->attached_at = c->seen;
  c->cursor_high = (uint32_t)(cursor >> 31);
  cox_go_to(c, from == COX_RESUME || c->seen <= cursor ? cursor + 1 : c->seen);
  cox_move_cursor(c, c->next - 1);
  cox_store(c->own + COX_CONSUMER_EPOCH, cox_load(c->own + COX_ATTACHED_EPOCH));
  return COX_OK;
}

static inline int cox_is_intact(struct cox_consumer *c, const struct cox_sample *sample) {
  atomic_thread_fence(memory_order_acquire);
  return cox_load(cox_slot(c->samples, &c->shape, sample->slot) + COX_TURN) == sample->turn;
}

/* Whether the sample just found is too old; then it is given back, as soon as all before it are. */
static inline int cox_expires(struct cox_consumer *c, const struct cox_sample *sample) {
  if (c->lifespan_ns <= 0) return 0;
  if ((int64_t)(cox_now_ns() - sample->stamp_ns) <= c->lifespan_ns) return 0;
  cox_write_double(c->own + COX_EXPIRED, ++c->expired);
  cox_write_double(c->own + COX_MISSED, c->missed);
  if (c->lent == 0) cox_move_cursor(c, c->next - 1);
  return 1;
}

/* In this order: who watches takes it as received first, then as late, then as released. */
static inline void cox_count_late(struct cox_consumer *c, const struct cox_sample *sample) {
  if (c->latency_ns <= 0 && c->paths == 0) return;
  uint64_t now = cox_now_ns();
  int64_t age = (int64_t)(now - sample->stamp_ns);
  if ((double)age > c->worst_age)
    cox_write_double(c->own + COX_WORST_AGE, c->worst_age = (double)age);
  cox_write_double(c->own + COX_LAST_RECEIVE, (double)now);
  atomic_thread_fence(memory_order_release);
  if (c->latency_ns > 0 && age > c->latency_ns) cox_write_double(c->own + COX_LATE, ++c->late);
  for (uint32_t path = 0; path < c->paths; path++)
    if ((int64_t)(now - sample->origin_ns) > c->path_limit_ns[path])
      cox_write_double(c->own + COX_PATH_LATE + 2 * path, ++c->path_late[path]);
  atomic_thread_fence(memory_order_release);
  if (c->paths > 0 && (double)sample->origin_ns > c->last_origin)
    cox_write_double(c->own + COX_LAST_ORIGIN, c->last_origin = (double)sample->origin_ns);
}

/* Whether the header of a sample that nobody has overtaken is what it must be. */
static inline enum cox_result cox_header_of_sample(struct cox_consumer *c, uint32_t length,
                                                   uint64_t sequence, int sums) {
  const struct cox_shape *shape = &c->shape;
  int has_schema = (shape->schema_low | shape->schema_high) != 0;
  unsigned long long next = c->next;
  if (length > shape->sample_bytes || (has_schema && length != shape->sample_bytes))
    return cox_fail(c, "length of %llu must be %s%u, is %u", next, has_schema ? "" : "at most ",
                    shape->sample_bytes, length);
  if (sequence != c->next)
    return cox_fail(c, "sequence must be %llu, is %llu", next, (unsigned long long)sequence);
  if (!sums) return cox_fail(c, "checksum of %llu is wrong", next);
  return COX_OK;
}

/* The next sample, if there is one: COX_SAMPLE, COX_NONE, COX_ENDED, COX_CORRUPT. */
static inline enum cox_result cox_poll(struct cox_consumer *c, struct cox_sample *into) {
  for (int attempt = 0; attempt < 16 && c->fault == NULL; attempt++) {
    if (c->next > c->seen || (c->newest && !c->shape.keep_all)) {
      int ended = cox_look(c);
      if (c->fault != NULL) return COX_CORRUPT;
      if (c->next > c->seen) return ended ? COX_ENDED : COX_NONE;
    }
    if (!c->shape.keep_all && c->next + c->shape.keep <= c->seen) {
      uint64_t target = c->newest ? c->seen : c->seen - c->shape.keep + 1;
      c->skipped += target - c->next;
      cox_go_to(c, target);
    }
    cox_word *slot = cox_slot(c->samples, &c->shape, c->slot);
    if (cox_load(slot + COX_TURN) == c->turn) {
      uint64_t sequence = cox_read(slot + COX_SEQ_LOW) | (uint64_t)cox_read(slot + COX_SEQ_HIGH) << 32;
      uint32_t crc = cox_read(slot + COX_CRC);
      *into = (struct cox_sample){
          .data = (const uint8_t *)slot + COX_SLOT_HEADER,
          .length = cox_read(slot + COX_LENGTH), .epoch = cox_read(slot + COX_SAMPLE_EPOCH),
          .slot = c->slot, .turn = c->turn, .sequence = c->next, .missed = c->skipped,
          .stamp_ns = cox_read(slot + COX_STAMP_LOW) | (uint64_t)cox_read(slot + COX_STAMP_HIGH) << 32,
          .origin_ns = cox_read(slot + COX_ORIGIN_LOW) | (uint64_t)cox_read(slot + COX_ORIGIN_HIGH) << 32};
      uint32_t length = into->length;
      int sums = length > c->shape.sample_bytes || !c->shape.crc32c ||
                 cox_crc32c(into->data, length) == crc;
      if (cox_is_intact(c, into)) {
        if (cox_header_of_sample(c, length, sequence, sums) != COX_OK) return COX_CORRUPT;
        c->missed += (double)(c->skipped - c->told_early);
        c->told_early = c->skipped;
        c->next++;
        if (++c->slot == c->shape.slots) c->slot = 0, c->turn += 2;
        if (cox_expires(c, into)) continue;
        cox_count_late(c, into);
        c->skipped = c->told_early = 0;
        c->lent++;
        return COX_SAMPLE;
      }
    }
    cox_look(c);
    uint64_t taken = c->shape.keep_all ? c->attached_at
                     : c->seen > c->shape.keep ? c->seen - c->shape.keep : 0;
    if (c->fault == NULL && c->next > taken)
      cox_fail(c, "turn of %llu must be %u, is %u", (unsigned long long)c->next, c->turn,
               cox_load(slot + COX_TURN));
    if (c->fault != NULL) return COX_CORRUPT;
    c->skipped += taken + 1 - c->next;
    cox_go_to(c, taken + 1);
    if (c->shape.keep_all) cox_move_cursor(c, taken); /* the producer may wait for it */
  }
  return c->fault == NULL ? COX_NONE : COX_CORRUPT;
}

static inline void cox_rest(struct cox_consumer *c) {
  cox_store(c->own + COX_ARMED, c->armed_count << 2);
}
/* Says that the consumer is about to wait. 0: there is something to poll for by now. */
static inline int cox_arm_as(struct cox_consumer *c, uint32_t how) {
  c->armed_count = (c->armed_count + 1) & 0x3fffffff;
  cox_store(c->own + COX_ARMED, c->armed_count << 2 | how);
  /* It may have published, and looked for this word, just before. */
  int ended = cox_look(c);
  if (c->next > c->seen && !ended && c->fault == NULL) return 1;
  cox_rest(c);
  return 0;
}

/* Its doorbell, for poll(2) and the like, which find it readable once what cox_arm has announced
 * was heard; -1 when it has none. */
static inline int cox_fileno(const struct cox_consumer *c) { return c->doorbell; }
/* Says that the program is about to wait until cox_fileno() is readable, after a cox_poll that found
 * none. 0: there is something to poll for by now, and nobody will ring. */
static inline int cox_arm(struct cox_consumer *c) { return cox_arm_as(c, COX_AT_DOORBELL); }
/* The reverse of cox_arm, whether it has rung or not; then cox_poll. COX_OK; COX_ENDED when nobody
 * can ring any more: the supervisor has ended. */
static inline enum cox_result cox_disarm(struct cox_consumer *c) {
  char rung[256];
  cox_rest(c);
  /* What rings after this is of no wait any more, and ends the next one too early. */
  return read(c->doorbell, rung, sizeof rung) == 0 ? COX_ENDED : COX_OK;
}

/* The next sample; spins for spin_ns and then sleeps. timeout_ns < 0: without an end. */
static inline enum cox_result cox_receive_spinning(struct cox_consumer *c, struct cox_sample *into,
                                                   int64_t timeout_ns, int64_t spin_ns) {
  enum cox_result found = cox_poll(c, into);
  if (found != COX_NONE) return found;
  uint64_t began = cox_now_ns();
  for (uint32_t at = 1; spin_ns != 0; at++) {
    if ((found = cox_poll(c, into)) != COX_NONE) return found;
    cox_pause();
    if (at % 32 == 0 && spin_ns > 0 && cox_now_ns() - began > (uint64_t)spin_ns) break;
  }
  for (;;) {
    int64_t left = timeout_ns < 0 ? -1 : timeout_ns - (int64_t)(cox_now_ns() - began);
    if (timeout_ns >= 0 && left <= 0) return cox_poll(c, into);
    uint32_t bell = cox_load(c->samples + COX_BELL);
    if (cox_arm_as(c, COX_PARKED)) {
      cox_futex_wait(c->samples + COX_BELL, bell, left);
      cox_rest(c);
    }
    if ((found = cox_poll(c, into)) != COX_NONE) return found;
  }
}
static inline enum cox_result cox_receive(struct cox_consumer *c, struct cox_sample *into,
                                          int64_t timeout_ns) {
  return cox_receive_spinning(c, into, timeout_ns, c->spin_ns);
}

/* Gives it back, in the order of receiving: COX_OK or COX_OVERTAKEN. */
static inline enum cox_result cox_release(struct cox_consumer *c, const struct cox_sample *sample) {
  int intact = cox_is_intact(c, sample);
  uint64_t now = cox_now_ns();
  if (intact) {
    cox_write_double(c->own + COX_RECEIVED, ++c->received);
    cox_write_double(c->own + COX_BYTES, c->bytes += sample->length);
  } else {
    cox_write_double(c->own + COX_OVERTAKEN_COUNT, ++c->overtaken);
  }
  cox_write_double(c->own + COX_MISSED, c->missed);
  cox_write_double(c->own + COX_LAST_RECEIVE, (double)now);
  if (c->lent > 0) c->lent--;
  cox_move_cursor(c, c->lent == 0 ? c->next - 1 : sample->sequence);
  return intact ? COX_OK : COX_OVERTAKEN;
}

/* ---- what the supervisor told: COX_LINKS -------------------------------------------------- */

/* The end of a JSON value; NULL where it is none. */
static inline const char *cox_json_end(const char *at) {
  if (*at == '"') {
    for (at++; *at != '"'; at++)
      if (*at == 0 || (*at == '\\' && *++at == 0)) return NULL;
    return at + 1;
  }
  if (*at != '{' && *at != '[') return at + strcspn(at, ",]}");
  for (at++; *at != '}' && *at != ']';) {
    if (*at == 0 || (at = cox_json_end(at)) == NULL) return NULL;
    if (*at == ',' || *at == ':') at++;
  }
  return at + 1;
}

/* The value of a key; of an array, of an index. NULL: there is none. JSON without blanks, as
 * the supervisor writes it. */
static inline const char *cox_json_get(const char *at, const char *key, unsigned index) {
  if (at == NULL || (*at != '{' && *at != '[')) return NULL;
  int is_object = *at++ == '{';
  for (unsigned count = 0; *at != '}' && *at != ']' && *at != 0; count++) {
    const char *end = cox_json_end(at), *value = at;
    if (end == NULL) return NULL;
    if (is_object) {
      value = end + 1;
      size_t length = strlen(key);
      if ((size_t)(end - at) == length + 2 && strncmp(at + 1, key, length) == 0) return value;
      if ((end = cox_json_end(value)) == NULL) return NULL;
    } else if (count == index) {
      return value;
    }
    at = *end == ',' ? end + 1 : end;
  }
  return NULL;
}

static inline int cox_json_is(const char *value, const char *text) {
  size_t length = strlen(text);
  return value != NULL && *value == '"' && strncmp(value + 1, text, length) == 0 &&
         value[length + 1] == '"';
}
static inline int64_t cox_json_number(const char *object, const char *key) {
  const char *value = cox_json_get(object, key, 0);
  return value == NULL ? -1 : strtoll(value, NULL, 10);
}
static inline int cox_json_fd(const char *object, const char *key, unsigned index) {
  const char *value = cox_json_get(cox_json_get(object, key, 0), "", index);
  return value == NULL ? -1 : atoi(value);
}

/* A mailbox in COX_LINKS, by the name of its port or of its channel; NULL with the reason. */
static inline const char *cox_find_mailbox(const char *name, const char *role, const char *schema,
                                           struct cox_shape *shape, const char **fault) {
  const char *record = getenv("COX_LINKS");
  *fault = "no supervisor started this program (COX_LINKS is not set); run it with cox "
           "up, or alone with cox run";
  if (record == NULL) return NULL;
  *fault = "COX_LINKS is of another version than this header";
  if (cox_json_number(record, "version") != 1) return NULL;
  const char *links = cox_json_get(record, "links", 0), *link, *found = NULL;
  for (unsigned at = 0; found == NULL && (link = cox_json_get(links, "", at)) != NULL; at++)
    if (cox_json_is(cox_json_get(link, "port", 0), name)) found = link;
  for (unsigned at = 0; found == NULL && (link = cox_json_get(links, "", at)) != NULL; at++)
    if (cox_json_is(cox_json_get(link, "name", 0), name)) found = link;
  *fault = "this process has no link of that name";
  if (found == NULL) return NULL;
  const char *mailbox = cox_json_get(found, "mailbox", 0), *told = cox_json_get(mailbox, "shape", 0);
  *fault = "the link is no mailbox";
  if (told == NULL) return NULL;
  *fault = "this process is at the other end of that mailbox";
  if (!cox_json_is(cox_json_get(mailbox, "role", 0), role)) return NULL;
  const char *hash = cox_json_get(told, "schemaHash", 0);
  *shape = (struct cox_shape){
      .slots = (uint32_t)cox_json_number(told, "slots"),
      .sample_bytes = (uint32_t)cox_json_number(told, "sampleBytes"),
      .keep_all = (uint32_t)cox_json_is(cox_json_get(told, "history", 0), "keepAll"),
      .keep = (uint32_t)cox_json_number(told, "keep"),
      .consumers = (uint32_t)cox_json_number(told, "consumers"),
      .crc32c = (uint32_t)cox_json_is(cox_json_get(told, "checksum", 0), "crc32c"),
      .schema_low = (uint32_t)strtoul(cox_json_get(hash, "", 0), NULL, 10),
      .schema_high = (uint32_t)strtoul(cox_json_get(hash, "", 1), NULL, 10)};
  *fault = NULL;
  if (schema == NULL ||
      cox_schema_hash(schema) == ((uint64_t)shape->schema_high << 32 | shape->schema_low))
    return mailbox;
  const char *theirs = cox_json_get(mailbox, "schema", 0);
  int length = theirs == NULL ? 0 : (int)(cox_json_end(theirs) - theirs) - 2;
  static char text[512];
  snprintf(text, sizeof text, "samples of \"%s\" are %.*s in the configuration, and here %s", name,
           length > 0 ? length : 22, length > 0 ? theirs + 1 : "bytes without a schema", schema);
  *fault = text;
  return NULL;
}

/* Takes a consumer's end. `schema`: of COX_STRUCT; NULL: bytes. COX_OK, or COX_CORRUPT with the
 * reason in `fault`. */
static inline enum cox_result cox_consumer_connect(struct cox_consumer *c, const char *name,
                                                   const char *schema) {
  struct cox_shape shape;
  memset(c, 0, sizeof *c);
  const char *mailbox = cox_find_mailbox(name, "consumer", schema, &shape, &c->fault);
  if (mailbox == NULL) return COX_CORRUPT;
  int resumes = cox_json_is(cox_json_get(mailbox, "from", 0), "resume");
  enum cox_result result = cox_consumer_open(
      c, (int)cox_json_number(mailbox, "samplesFd"), cox_json_fd(mailbox, "pageFds", 0),
      (uint32_t)cox_json_number(mailbox, "number"), &shape, resumes ? COX_RESUME : COX_NEWEST);
  if (result == COX_CORRUPT) cox_tell_corrupt();
  c->doorbell = cox_json_fd(mailbox, "doorbellFds", 0);
  /* A description of this process alone: nobody else's reads change with it. */
  if (c->doorbell >= 0) fcntl(c->doorbell, F_SETFL, O_NONBLOCK);
  c->tells = 1;
  c->newest = cox_json_is(cox_json_get(mailbox, "behind", 0), "newest");
  c->lifespan_ns = cox_json_number(mailbox, "lifespanNs");
  c->latency_ns = cox_json_number(mailbox, "latencyNs");
  const char *limits = cox_json_get(mailbox, "pathLimitsNs", 0), *limit;
  while (c->paths < COX_PATHS_MAX && (limit = cox_json_get(limits, "", c->paths)) != NULL)
    c->path_limit_ns[c->paths++] = strtoll(limit, NULL, 10);
  const char *waiting = cox_json_get(mailbox, "waiting", 0);
  int64_t spin_ns = cox_json_number(mailbox, "spinNs");
  if (cox_json_is(waiting, "spin")) c->spin_ns = -1;
  else if (cox_json_is(waiting, "park")) c->spin_ns = 0;
  else if (spin_ns >= 0) c->spin_ns = spin_ns;
  return result;
}

/* Takes the producer's end. `block_ns`, unless NULL: how long cox_loan is to wait. */
static inline enum cox_result cox_producer_connect(struct cox_producer *p, const char *name,
                                                   const char *schema, int64_t *block_ns) {
  struct cox_shape shape;
  memset(p, 0, sizeof *p);
  const char *mailbox = cox_find_mailbox(name, "producer", schema, &shape, &p->fault);
  if (mailbox == NULL) return COX_CORRUPT;
  int pages[COX_CONSUMERS_MAX];
  for (unsigned at = 0; at < COX_CONSUMERS_MAX; at++) pages[at] = cox_json_fd(mailbox, "pageFds", at);
  enum cox_result result =
      cox_producer_open(p, (int)cox_json_number(mailbox, "samplesFd"), pages, &shape);
  for (unsigned at = 0; at < COX_CONSUMERS_MAX; at++)
    p->doorbells[at] = cox_json_fd(mailbox, "doorbellFds", at);
  if (result == COX_OK) cox_notify(p); /* those that wait at their doorbells */
  if (block_ns != NULL) *block_ns = cox_json_number(mailbox, "blockNs");
  return result;
}
#endif
