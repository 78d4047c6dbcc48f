/*
** seen.h
** A set of ids, kept as 64-bit hashes of at most 16 bytes each
*/

#ifndef avepoint_seen_h
#define avepoint_seen_h

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

#define SEEN_SEGMENTS 64

typedef struct seen_segment {
  uint64_t *slots; /* 0 marks an empty one */
  uint32_t size;
  uint32_t used;
} seen_segment;

/* May live in a userdata: nothing in it points back at it. */
typedef struct seen {
  seen_segment segments[SEEN_SEGMENTS];
  unsigned zero; /* 1 when the hash 0 is in the set, which no slot can say */
} seen;

/* The same on every machine: resume strings carry such hashes. */
uint64_t seen_hash (const char *id, size_t len);

void seen_init (seen *s); /* allocates nothing */
void seen_free (seen *s); /* leaves an empty set; may be called again */

int seen_add (seen *s, uint64_t hash); /* 1 new, 0 known, -1 no memory */
int seen_has (const seen *s, uint64_t hash);

size_t seen_count (const seen *s);
size_t seen_bytes (const seen *s); /* everything: slots and *s itself */

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
