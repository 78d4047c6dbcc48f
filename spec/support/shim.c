/*
** shim.c
** Stands in front of libc and libcurl in a child process
**
** SHIM_FAIL=name:n:errno  the n-th call of epoll_ctl (on a socket), ppoll,
**                         timerfd_settime or curl_global_init fails
** SHIM_DNS=seconds        names that end in "stalled.invalid" take so long
** SHIM_JUMP=seconds       the wall clock is so much ahead at every other look
** SHIM_TELL=1             says on stderr when SIGPIPE's disposition is changed
**                         or a folder of authorities is looked into
** SHIM_SIGPIPE=1          send raises SIGPIPE as write does, which TLS libraries
**                         and libcurls do that know no MSG_NOSIGNAL
** SHIM_VERSION=hex        of libcurl
** shim_later              seconds that CLOCK_MONOTONIC (libcurl's) is ahead
*/

#undef _FORTIFY_SOURCE /* which would make some of these inline */
#define _GNU_SOURCE

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Sets `real` to what would be called without us. */
#define find(name) (*(void **)(&real) = dlsym(RTLD_NEXT, name))

static int fails (const char *name, int *calls) {
  const char *wish = getenv("SHIM_FAIL");
  size_t len = strlen(name);
  char *rest;
  if (wish == NULL || strncmp(wish, name, len) != 0 || wish[len] != ':' ||
      strtol(wish + len + 1, &rest, 10) != ++*calls)
    return 0;
  errno = (int)strtol(rest + 1, NULL, 10);
  return 1;
}

/* EEXIST and ENOENT are true when they are told. */
int epoll_ctl (int set, int what, int fd, struct epoll_event *event) {
  static int calls = 0;
  int (*real)(int, int, int, struct epoll_event *);
  find("epoll_ctl");
  if ((event->events & EPOLLOUT) == 0 || !fails("epoll_ctl", &calls))
    return real(set, what, fd, event);
  if (errno == EEXIST || errno == ENOENT) {
    int told = errno;
    real(set, told == EEXIST ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, event);
    errno = told;
  }
  return -1;
}

int ppoll (struct pollfd *fds, nfds_t n, const struct timespec *time,
           const sigset_t *mask) {
  static int calls = 0;
  int (*real)(struct pollfd *, nfds_t, const struct timespec *,
              const sigset_t *);
  find("ppoll");
  return fails("ppoll", &calls) ? -1 : real(fds, n, time, mask);
}

int timerfd_settime (int fd, int flags, const struct itimerspec *when,
                     struct itimerspec *before) {
  static int calls = 0;
  int (*real)(int, int, const struct itimerspec *, struct itimerspec *);
  find("timerfd_settime");
  return fails("timerfd_settime", &calls) ? -1 : real(fd, flags, when, before);
}

CURLcode curl_global_init (long flags) {
  static int calls = 0;
  CURLcode (*real)(long);
  find("curl_global_init");
  return fails("curl_global_init", &calls) ? CURLE_FAILED_INIT : real(flags);
}

int getaddrinfo (const char *name, const char *service,
                 const struct addrinfo *hints, struct addrinfo **list) {
  const char *seconds = getenv("SHIM_DNS");
  int (*real)(const char *, const char *, const struct addrinfo *,
              struct addrinfo **);
  find("getaddrinfo");
  if (seconds != NULL && name != NULL && strstr(name, "stalled.invalid")) {
    usleep((useconds_t)(atof(seconds) * 1e6));
    return EAI_NONAME;
  }
  return real(name, service, hints, list);
}

ssize_t send (int fd, const void *bytes, size_t len, int flags) {
  if (getenv("SHIM_SIGPIPE") != NULL)
    flags &= ~MSG_NOSIGNAL;
  return sendto(fd, bytes, len, flags, NULL, 0);
}

curl_version_info_data *curl_version_info (CURLversion age) {
  static curl_version_info_data told;
  const char *version = getenv("SHIM_VERSION");
  curl_version_info_data *(*real)(CURLversion);
  find("curl_version_info");
  told = *real(age);
  if (version != NULL)
    told.version_num = (unsigned)strtoul(version, NULL, 16);
  return &told;
}

static void tell (const char *what) {
  if (getenv("SHIM_TELL") != NULL)
    fprintf(stderr, "%s\n", what);
}

/* Here and for clocks no dlsym: sanitizers call them before it can work. */
int __sigaction (int number, const struct sigaction *new,
                 struct sigaction *old);
int sigaction (int number, const struct sigaction *new,
               struct sigaction *old) {
  if (number == SIGPIPE && new != NULL)
    tell("SIGPIPE");
  return __sigaction(number, new, old);
}

/* OpenSSL's, by which libcurl names a folder: 7.87 on, and before */
int X509_STORE_load_path (void *store, const char *folder);
int X509_STORE_load_path (void *store, const char *folder) {
  int (*real)(void *, const char *);
  find("X509_STORE_load_path");
  tell("folder");
  return real(store, folder);
}

int SSL_CTX_load_verify_dir (void *context, const char *folder);
int SSL_CTX_load_verify_dir (void *context, const char *folder) {
  int (*real)(void *, const char *);
  find("SSL_CTX_load_verify_dir");
  tell("folder");
  return real(context, folder);
}

long shim_later = 0;

static time_t ahead (void) {
  static int looks = 0;
  const char *seconds = getenv("SHIM_JUMP");
  return seconds != NULL && ++looks % 2 == 0 ? atol(seconds) : 0;
}

int clock_gettime (clockid_t clock, struct timespec *ts) {
  int rc = (int)syscall(SYS_clock_gettime, clock, ts);
  if (clock == CLOCK_REALTIME)
    ts->tv_sec += ahead();
  else if (clock == CLOCK_MONOTONIC)
    ts->tv_sec += shim_later;
  return rc;
}

time_t time (time_t *now) {
  struct timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  if (now != NULL)
    *now = ts.tv_sec;
  return ts.tv_sec;
}
