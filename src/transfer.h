/*
** transfer.h
** What transport.c and transfer.c share: a slot, and the transport itself
*/

#ifndef avepoint_transfer_h
#define avepoint_transfer_h

#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "transport.h"

#define SOCKETS 128 /* remembered; more than are ever open */

typedef enum { SLOT_FREE, SLOT_RUNNING, SLOT_DONE } slot_state;

typedef struct {
  transport *owner;
  CURL *easy; /* used for every request of this slot where that is safe */
  slot_state state;
  transport_answer answer;
  uint64_t order; /* of finishing: answers are taken in that order */
  char *request;  /* the body sent; libcurl points into it */
  char *body;
  size_t capacity, limit;
  int64_t sent;               /* boot time */
  int64_t started, last_byte; /* driven clock; last_byte 0: no answer yet */
  int cut;                    /* an error's body was longer than we read */
  int again;                  /* it went out a second time, see start_again */
  int stale; /* its connection held bytes that nobody had asked for */
  size_t headers_len;
  char headers[TRANSPORT_HEADERS];
  char message[CURL_ERROR_SIZE];
} slot;

/* At the start of memory that no body needs at the time. */
typedef struct spare {
  struct spare *next;
  size_t size;
} spare;

struct transport {
  CURLM *multi;
  struct curl_slist *json, *form; /* the two sets of request headers */
  int set, timer, ready;          /* epoll, timerfd, eventfd */
  int failed;                     /* errno of a callback, 0: none */
  int64_t last_driven;            /* boot time */
  int64_t clock;                  /* driven time, from 1 */
  int64_t curl_due, armed;        /* boot time */
  int64_t connect_timeout, timeout, stall_timeout;
  uint64_t last_id, last_order;
  int reasons;  /* why `ready` is readable: transfers waiting to be taken, */
  int woken;    /* and one more while transport_wake wants it */
  spare *spare; /* memory of bodies, for the next ones; one a slot at most */
  int spares;
  int slots;
  char *ca_file, *proxy, *user_agent;
  unsigned sockets; /* made so far; the latest are in socket[] */
  int socket[SOCKETS];
  slot slot[];
};

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Makes the slot's easy handle ready for a request. What libcurl refuses is
** a request not sent. */
CURLcode transfer_prepare (slot *s, const transport_request *r);

/* Makes a handle that made this request ready to make it once more, on a new
** connection; 0: no. */
int transfer_again (slot *s);

/* The time-out that a running transfer meets next, and when on its clock. */
int64_t transfer_due (const slot *s, transport_end *end);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
