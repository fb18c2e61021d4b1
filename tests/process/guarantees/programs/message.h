/*
 * What source.c writes and sink.c accepts: messages that prove themselves, and cells that a stream
 * of bytes is made of. Owns their layout, and that of the sink's log; judge.ts reads the same.
 *
 *   message   "CHECKSUM SOURCE INSTANCE SEQUENCE AT LENGTH " and letters up to LENGTH bytes
 *             AT: bytes that this instance had written before it, framing included
 *             CHECKSUM: of everything behind it, 8 hexadecimal digits
 *   cell      "@IIIIIINNNNNNNN\n", 16 bytes: instance and number of the cell
 *
 * Must not know: descriptors, who is killed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL_BYTES 16
#define MESSAGE_BYTES_MIN 80
#define MESSAGE_BYTES_MAX 200000
#define FILLING_BYTES (1 << 18)
/* Most instances of one source. */
#define INSTANCES 8192

enum framing { BYTES, LINES, NDJSON, FRAMES, PACKETS };

/* What a record says. */
enum kind {
  MESSAGE = 0,    /* whole, and its checksum is right */
  MALFORMED = 1,  /* something else, of so many bytes */
  BEGIN = 2,      /* an instance of the sink begins */
  END = 3,        /* it has seen the end */
  SPAN = 4,       /* bytes of an instance of the one source, from `at`; `source` is 0 */
  OUT_OF_STEP = 5 /* a length that cannot be: no frame is found any more */
};

/* One write(2) each, of 32 bytes, least significant first. */
struct record {
  uint32_t kind, sink_instance, source, instance, sequence, at, bytes, spare;
};

static inline enum framing framing_of(const char *name) {
  const char *names[] = {"bytes", "lines", "ndjson", "frames", "packets"};
  for (int index = 0; index < 5; index++)
    if (strcmp(name, names[index]) == 0) return index;
  fprintf(stderr, "no framing %s\n", name);
  exit(2);
}

/* `cam#12` of COX_INSTANCE; 1 without it. */
static inline uint32_t own_instance(void) {
  const char *name = getenv("COX_INSTANCE");
  const char *mark = name ? strchr(name, '#') : NULL;
  uint32_t number = mark ? (uint32_t)atoi(mark + 1) : 1;
  if (number >= INSTANCES) {
    fprintf(stderr, "too many instances\n");
    exit(2);
  }
  return number;
}

/* Mixes three numbers into one (murmur3's last steps). */
static inline uint32_t mixed(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t h = a * 0x9e3779b1u ^ b * 0x85ebca6bu ^ c * 0xc2b2ae35u;
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  return h ^ (h >> 16);
}

static inline uint32_t checksum(const char *bytes, size_t length) {
  uint32_t h = 2166136261u, word;
  for (; length >= 4; bytes += 4, length -= 4) {
    memcpy(&word, bytes, 4);
    h = (h ^ word) * 0x01000193u;
    h = (h << 13) | (h >> 19);
  }
  for (; length > 0; bytes++, length--) h = (h ^ (unsigned char)*bytes) * 0x01000193u;
  return h;
}

static inline void put_cell(char *cell, uint32_t instance, uint32_t number) {
  char text[24];
  snprintf(text, sizeof text, "@%06u%08u\n", instance % 1000000, number % 100000000);
  memcpy(cell, text, CELL_BYTES);
}
