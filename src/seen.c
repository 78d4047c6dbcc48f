/*
** seen.c
** A set of 64-bit hashes in segments, so that growing copies one in 64
*/

#include <stdlib.h>
#include <string.h>

#include "seen.h"

/* logarithms of 2, 3, 5 and 10, their fractions' first 64 bits made odd */
#define LOG2 UINT64_C(0xb17217f7d1cf79ab)
#define LOG3 UINT64_C(0x193ea7aad030a977)
#define LOG5 UINT64_C(0x9c041f7ed8d336af)
#define LOG10 UINT64_C(0x4d763776aaa2b05b)

#define FIRST_SIZE 8u


/*
** The hash. Every eight bytes are scrambled on their own (a step that loses
** nothing), then chained; so two ids can only meet by chance, not because
** they differ in few or in neighbouring characters. It is not made to stand
** an adversary who picks ids: the service that could is also the source of
** all the data.
*/

static uint64_t scramble (uint64_t x) {
  x ^= x >> 32;
  x *= LOG2;
  x ^= x >> 29;
  x *= LOG5;
  return x ^ (x >> 32);
}


/* little-endian whatever the machine; compilers make one load of it */
static uint64_t eight_bytes (const unsigned char *p) {
  return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
         (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
         (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}


static uint64_t chain (uint64_t h, uint64_t word) {
  h ^= scramble(word);
  return (h << 23 | h >> 41) * LOG3;
}


uint64_t seen_hash (const char *id, size_t len) {
  const unsigned char *p = (const unsigned char *)id;
  uint64_t h = (uint64_t)len * LOG10; /* "a" is not "a\0" */
  size_t left = len;
  for (; left >= 8; left -= 8, p += 8)
    h = chain(h, eight_bytes(p));
  if (left > 0) {
    uint64_t word = 0;
    while (left-- > 0)
      word = word << 8 | p[left];
    h = chain(h, word);
  }
  return scramble(h + LOG3);
}


/*
** The set. The six top bits choose the segment, the next 32 the slot where
** the search begins (by multiplication, so a segment may have any size); it
** goes on with the neighbours. A segment is at most 4/5 full and grows by
** 3/8: that is 10 to 13.75 bytes a hash, and a 64th of it twice while one
** segment grows.
*/

static uint32_t home (const seen_segment *g, uint64_t hash) {
  uint64_t bits = (hash << 6) >> 32;
  return (uint32_t)((bits * g->size) >> 32);
}


/* the slot that holds 'hash', or the empty one where it belongs */
static uint64_t *slot_of (const seen_segment *g, uint64_t hash) {
  uint64_t *slot = g->slots + home(g, hash);
  const uint64_t *end = g->slots + g->size;
  while (*slot != 0 && *slot != hash) {
    if (++slot == end)
      slot = g->slots;
  }
  return slot;
}


static int is_full (const seen_segment *g) {
  return g->used >= g->size - g->size / 5;
}


static int grow (seen_segment *g) {
  seen_segment bigger;
  uint32_t i, size = g->size;
  size = size == 0 ? FIRST_SIZE : size + size / 4 + size / 8;
  if (size < g->size)
    return 0;
  bigger.slots = (uint64_t *)calloc(size, sizeof(uint64_t));
  if (bigger.slots == NULL)
    return 0;
  bigger.size = size;
  bigger.used = g->used;
  for (i = 0; i < g->size; i++) {
    if (g->slots[i] != 0)
      *slot_of(&bigger, g->slots[i]) = g->slots[i];
  }
  free(g->slots);
  *g = bigger;
  return 1;
}


void seen_init (seen *s) {
  memset(s, 0, sizeof *s);
}


void seen_free (seen *s) {
  int i;
  for (i = 0; i < SEEN_SEGMENTS; i++)
    free(s->segments[i].slots);
  seen_init(s);
}


int seen_add (seen *s, uint64_t hash) {
  seen_segment *g = &s->segments[hash >> 58];
  if (seen_has(s, hash))
    return 0;
  if (hash == 0) {
    s->zero = 1;
    return 1;
  }
  if (is_full(g) && !grow(g))
    return -1;
  *slot_of(g, hash) = hash;
  g->used++;
  return 1;
}


int seen_has (const seen *s, uint64_t hash) {
  const seen_segment *g = &s->segments[hash >> 58];
  if (hash == 0)
    return s->zero != 0;
  return g->size > 0 && *slot_of(g, hash) == hash;
}


size_t seen_count (const seen *s) {
  size_t n = s->zero;
  int i;
  for (i = 0; i < SEEN_SEGMENTS; i++)
    n += s->segments[i].used;
  return n;
}


size_t seen_bytes (const seen *s) {
  size_t n = sizeof *s;
  int i;
  for (i = 0; i < SEEN_SEGMENTS; i++)
    n += s->segments[i].size * sizeof(uint64_t);
  return n;
}
