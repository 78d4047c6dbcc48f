/*
** transport.h
** HTTP requests over libcurl's multi interface, behind one descriptor
*/

#ifndef avepoint_transport_h
#define avepoint_transport_h

#include <stddef.h>
#include <stdint.h>

/* Bytes of an answer other than 200 that are read; the rest is cut off. */
#define TRANSPORT_ERROR_LIMIT 16384

/* Bytes of the header lines kept of one answer (see on_header). */
#define TRANSPORT_HEADERS 2048

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

typedef struct transport transport;

typedef struct {
  const char *ca_file; /* NULL: the trust store libcurl was built with */
  const char *proxy;   /* NULL: as the environment says; "": none */
  const char *user_agent;
  int slots;              /* transfers at once, at most */
  double connect_timeout; /* seconds until the request can be sent */
  double timeout;         /* seconds an attempt may take */
  double stall_timeout;   /* seconds without a byte once an answer began */
} transport_options;

typedef struct {
  const char *url;
  const char *body;
  size_t body_len;
  const char *bearer; /* NULL: no Authorization header */
  size_t limit;       /* decoded bytes of a 200, at most */
  int form;           /* body is a form, else JSON */
  int cleartext;      /* http is allowed (a loopback host), else https only */
  int fresh;          /* a connection of its own: libcurl can't send again */
} transport_request;

/* How a transfer ended. */
typedef enum {
  TRANSPORT_ANSWERED, /* code 0: an HTTP answer; else libcurl's error */
  TRANSPORT_CONNECT_TIMEOUT,
  TRANSPORT_TIMEOUT,
  TRANSPORT_STALLED,
  TRANSPORT_TOO_LARGE,
  TRANSPORT_NO_MEMORY
} transport_end;

typedef struct {
  uint64_t id; /* what transport_send gave */
  transport_end end;
  int code;            /* CURLcode */
  int status;          /* 0: no answer */
  int connect_status;  /* of a proxy's answer to CONNECT, or 0 */
  double seconds;      /* from send to its end */
  const char *message; /* libcurl's words; "" where there are none */
  const char *headers; /* lines "name: value\n", names in lower case */
  size_t body_len;
} transport_answer;

/* All below return NULL or 0 where all went well, else libcurl's or the
** system's words for what did not. */

/* Fills *out at once, so that its owner can free what a failure leaves. */
const char *transport_open (transport **out, const transport_options *o);

/* Readable when transport_drive has work or transport_peek an answer, and
** now and then when neither has; the same number from open to close. */
int transport_fd (const transport *t);

/* Starts a request; bytes and strings are copied. Nothing is sent, and the
** descriptor knows nothing of it, before the next drive. */
const char *transport_send (transport *t, const transport_request *r,
                            uint64_t *id);

/* Does what is due without waiting. The clocks of the attempts count the
** time since the last call, unless `resumed`: then nobody drove meanwhile. */
const char *transport_drive (transport *t, int resumed);

/* Waits until the descriptor is readable, a signal came or time is over. */
const char *transport_wait (const transport *t, double seconds);

/* The first finished transfer or NULL; valid until the next call. */
const transport_answer *transport_peek (transport *t);

/* Frees what transport_peek gave; its body (malloc, may be NULL) goes to
** the caller, who gives it back by transport_recycle. */
char *transport_release (transport *t, size_t *capacity);

/* Takes a body back for the next answer, or frees it; t may be NULL. */
void transport_recycle (transport *t, char *body, size_t capacity);

/* Withdraws a request in flight or an answer; an unknown id is ignored. */
void transport_cancel (transport *t, uint64_t id);

/* Keeps the descriptor readable (on) or not (off), whatever else is. */
void transport_wake (transport *t, int on);

/* Ends all transfers and connections. The descriptor stays, readable. */
void transport_shut (transport *t);

/* Closes and frees everything. NULL is allowed. */
void transport_close (transport *t);

/* Seconds of a clock that never jumps and goes on while a laptop sleeps. */
double transport_now (void);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
