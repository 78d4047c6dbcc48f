/*
** sigpipe.c
** SIGPIPE held back while libcurl runs
*/

#define _GNU_SOURCE

#include "sigpipe.h"

#include <time.h>

void sigpipe_hold (sigpipe_guard *g) {
  sigset_t pending;
  sigemptyset(&g->pipe);
  sigaddset(&g->pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &g->pipe, &g->before);
  g->was_pending = 0;
  if (sigismember(&g->before, SIGPIPE) && sigpending(&pending) == 0)
    g->was_pending = sigismember(&pending, SIGPIPE);
}

void sigpipe_drop (sigpipe_guard *g) {
  static const struct timespec at_once = {0, 0};
  if (!g->was_pending)
    sigtimedwait(&g->pipe, NULL, &at_once);
  pthread_sigmask(SIG_SETMASK, &g->before, NULL);
}
