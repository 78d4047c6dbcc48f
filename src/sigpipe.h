/*
** sigpipe.h
** SIGPIPE held back while libcurl runs
**
** libcurl under NOSIGNAL leaves it to us, and the disposition is the host's:
** the signal is blocked in this thread, and taken away if it came meanwhile.
*/

#ifndef avepoint_sigpipe_h
#define avepoint_sigpipe_h

#include <signal.h>

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

typedef struct {
  sigset_t pipe, before;
  int was_pending;
} sigpipe_guard;

void sigpipe_hold (sigpipe_guard *g);
void sigpipe_drop (sigpipe_guard *g);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
