/*
** transport.c
** HTTP requests over libcurl's multi interface, behind one descriptor
**
** No lua.h here: a Lua error must never cross libcurl. No policy either:
** what to send, when, and what an answer means is decided above.
**
** The descriptor is an epoll set for life. In it are libcurl's sockets (put
** there by on_socket), a timer for the next time-out and an event counter
** that is readable while there is a reason: a finished transfer that waits
** to be taken, or somebody who is to be woken.
*/

#define _GNU_SOURCE

#include "transfer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "sigpipe.h"

#define SPARE_SIZE ((size_t)131072) /* what is larger is given back */
#define EVENTS_A_DRIVE 64
#define NEVER INT64_MAX

/*
** {======================================================================
** Time
** =======================================================================
*/

static int64_t now_ns (void) {
  struct timespec ts;
  clock_gettime(CLOCK_BOOTTIME, &ts);
  return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t to_ns (double seconds) {
  return seconds < 1e9 ? (int64_t)(seconds * 1e9) : (int64_t)1e18;
}

double transport_now (void) {
  return (double)now_ns() / 1e9;
}

/* }====================================================================== */

/*
** {======================================================================
** libcurl's callbacks: they touch C structures only
** =======================================================================
*/

static int on_socket (CURL *easy, curl_socket_t fd, int what, void *user,
                      void *known) {
  transport *t = user;
  struct epoll_event event;
  (void)easy;
  memset(&event, 0, sizeof(event));
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(t->set, EPOLL_CTL_DEL, fd, &event);
    return 0;
  }
  event.data.fd = fd;
  if (what & CURL_POLL_IN)
    event.events |= EPOLLIN;
  if (what & CURL_POLL_OUT)
    event.events |= EPOLLOUT;
  if (epoll_ctl(t->set, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event)) {
    /* a socket that was closed behind our back, or its number's next one */
    int other = errno == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if ((errno != ENOENT && errno != EEXIST) ||
        epoll_ctl(t->set, other, fd, &event)) {
      t->failed = errno;
      return -1;
    }
  }
  if (!known && curl_multi_assign(t->multi, fd, t) != CURLM_OK) {
    t->failed = EINVAL;
    return -1;
  }
  return 0;
}

static int on_timer (CURLM *multi, long timeout_ms, void *user) {
  transport *t = user;
  (void)multi;
  t->curl_due =
    timeout_ms < 0 ? NEVER : now_ns() + (int64_t)timeout_ms * 1000000;
  return 0;
}

/* }====================================================================== */

/*
** {======================================================================
** What the descriptor holds besides libcurl's sockets
** =======================================================================
*/

/* A timer that fires too soon costs a drive; setting it anew for every later
** time would cost a system call a request. */
static void arm (transport *t, int64_t due) {
  struct itimerspec when;
  if (due >= t->armed && t->armed > t->last_driven)
    return;
  memset(&when, 0, sizeof(when)); /* all zero: off */
  if (due != NEVER) {
    when.it_value.tv_sec = (time_t)(due / 1000000000);
    when.it_value.tv_nsec = (long)(due % 1000000000);
  }
  if (timerfd_settime(t->timer, TFD_TIMER_ABSTIME, &when, NULL) == 0)
    t->armed = due;
  else
    t->failed = errno;
}

static void enter_ready (transport *t) {
  if (t->reasons++ == 0)
    eventfd_write(t->ready, 1);
}

static void leave_ready (transport *t) {
  eventfd_t ignored;
  if (--t->reasons == 0)
    eventfd_read(t->ready, &ignored);
}

void transport_wake (transport *t, int on) {
  if (on && !t->woken)
    enter_ready(t);
  else if (!on && t->woken)
    leave_ready(t);
  t->woken = on;
}

/* }====================================================================== */

/*
** {======================================================================
** libcurl's multi handle
** =======================================================================
*/

/* As transfer.c sets the options of a request. */
#define set(option, value) \
  (void)(mc == CURLM_OK && (mc = curl_multi_setopt(t->multi, option, value)))

static const char *open_multi (transport *t) {
  CURLMcode mc = CURLM_OK;
  t->multi = curl_multi_init();
  if (t->multi == NULL)
    return curl_easy_strerror(CURLE_OUT_OF_MEMORY);
  set(CURLMOPT_SOCKETFUNCTION, on_socket);
  set(CURLMOPT_SOCKETDATA, t);
  set(CURLMOPT_TIMERFUNCTION, on_timer);
  set(CURLMOPT_TIMERDATA, t);
  set(CURLMOPT_MAXCONNECTS, (long)t->slots);
  set(CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
  return mc == CURLM_OK ? NULL : curl_multi_strerror(mc);
}

/* Its connections end, too. */
static void close_multi (transport *t) {
  if (t->multi != NULL)
    curl_multi_cleanup(t->multi); /* still calls on_socket */
  t->multi = NULL;
  t->curl_due = NEVER;
}

/* }====================================================================== */

/*
** {======================================================================
** Sending
** =======================================================================
*/

static slot *free_slot (transport *t) {
  int i;
  for (i = 0; i < t->slots; i++)
    if (t->slot[i].state == SLOT_FREE)
      return &t->slot[i];
  return NULL;
}

/* Back to the state in which the slot can be used again. */
static void empty_slot (slot *s) {
  free(s->request);
  free(s->body);
  s->request = s->body = NULL;
  s->capacity = 0;
  s->state = SLOT_FREE;
}

const char *transport_send (transport *t, const transport_request *r,
                            uint64_t *id) {
  slot *s = free_slot(t);
  CURLcode rc = CURLE_OK;
  CURLMcode mc;
  const char *message = NULL;
  if (s == NULL)
    return "more requests at once than the transport was opened for";
  if (t->multi == NULL && (message = open_multi(t)) != NULL)
    return message;
  s->request = malloc(r->body_len + 1);
  if (s->request == NULL)
    return curl_easy_strerror(CURLE_OUT_OF_MEMORY);
  memcpy(s->request, r->body, r->body_len);
  s->request[r->body_len] = '\0';
  rc = transfer_prepare(s, r);
  if (rc != CURLE_OK) {
    empty_slot(s);
    return curl_easy_strerror(rc);
  }
  memset(&s->answer, 0, sizeof(s->answer));
  s->message[0] = s->headers[0] = '\0';
  s->headers_len = 0;
  s->limit = r->limit;
  s->cut = s->stale = s->again = 0;
  s->sent = now_ns();
  s->started = 0; /* the next drive tells, when the clock has caught up */
  s->last_byte = 0;
  mc = curl_multi_add_handle(t->multi, s->easy);
  if (mc != CURLM_OK) {
    empty_slot(s);
    return curl_multi_strerror(mc);
  }
  s->state = SLOT_RUNNING;
  *id = s->answer.id = ++t->last_id;
  return NULL;
}

/* }====================================================================== */

/*
** {======================================================================
** Driving
** =======================================================================
*/

/* A request that met what a connection had left over from the one before it
** goes out once more, on a new connection. 1: it does. */
static int start_again (transport *t, slot *s, CURLcode code) {
  long connects = 1;
  if (s->again)
    return 0;
  curl_easy_getinfo(s->easy, CURLINFO_NUM_CONNECTS, &connects);
  if (!s->stale && (connects > 0 || (code != CURLE_WEIRD_SERVER_REPLY &&
                                     code != CURLE_UNSUPPORTED_PROTOCOL)))
    return 0;
  curl_multi_remove_handle(t->multi, s->easy);
  s->stale = 0;
  s->again = 1;
  s->answer.body_len = s->headers_len = 0;
  s->last_byte = 0;
  return transfer_again(s) &&
         curl_multi_add_handle(t->multi, s->easy) == CURLM_OK;
}

static void finish (transport *t, slot *s, CURLcode code) {
  long status = 0, connect_status = 0;
  transport_answer *a = &s->answer;
  curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(s->easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
  curl_multi_remove_handle(t->multi, s->easy);
  if (s->cut && a->end == TRANSPORT_ANSWERED)
    code = CURLE_OK; /* we stopped it; what we wanted is here */
  a->code = (int)code;
  a->status = (int)status;
  a->connect_status = (int)connect_status;
  a->seconds = (double)(now_ns() - s->sent) / 1e9;
  a->headers = s->headers;
  a->message =
    s->message[0] || code == CURLE_OK ? s->message : curl_easy_strerror(code);
  s->state = SLOT_DONE;
  s->order = ++t->last_order;
  enter_ready(t);
}

/* libcurl lost track of its sockets, for want of memory or because on_socket
** failed. All that is out is given up, and so is the multi handle: 7.88 would
** divide by zero at the next event on such a socket. */
static void give_up (transport *t, CURLMcode mc) {
  int i, memory = mc == CURLM_OUT_OF_MEMORY;
  for (i = 0; i < t->slots; i++)
    if (t->slot[i].state == SLOT_RUNNING) {
      if (memory)
        t->slot[i].answer.end = TRANSPORT_NO_MEMORY;
      finish(t, &t->slot[i], memory ? CURLE_OUT_OF_MEMORY : CURLE_RECV_ERROR);
    }
  close_multi(t);
}

/* Ends what took too long; returns when the next one may (boot time). */
static int64_t check_clocks (transport *t) {
  int64_t first = NEVER;
  int i;
  for (i = 0; i < t->slots; i++) {
    slot *s = &t->slot[i];
    transport_end end;
    int64_t due;
    if (s->state != SLOT_RUNNING)
      continue;
    due = transfer_due(s, &end);
    if (due <= t->clock) {
      s->answer.end = end;
      finish(t, s, CURLE_OPERATION_TIMEDOUT);
    }
    else if (due - t->clock + t->last_driven < first)
      first = due - t->clock + t->last_driven;
  }
  return first;
}

/* libcurl's sockets that are ready, then its timer. */
static CURLMcode act (transport *t) {
  struct epoll_event event[EVENTS_A_DRIVE];
  CURLMcode mc = CURLM_OK;
  int running, i;
  int n = epoll_wait(t->set, event, EVENTS_A_DRIVE, 0);
  for (i = 0; i < n && mc == CURLM_OK; i++) {
    int fd = event[i].data.fd, mask = 0;
    if (fd == t->ready)
      continue;
    if (fd == t->timer) {
      t->armed = 0; /* it fired: whatever is next must be set anew */
      continue;
    }
    if (event[i].events & EPOLLIN)
      mask |= CURL_CSELECT_IN;
    if (event[i].events & EPOLLOUT)
      mask |= CURL_CSELECT_OUT;
    if (event[i].events & (EPOLLERR | EPOLLHUP))
      mask |= CURL_CSELECT_ERR;
    mc = curl_multi_socket_action(t->multi, fd, mask, &running);
  }
  /* libcurl asks for "at once" a few times in a row; not for ever */
  for (i = 0; i < 4 && mc == CURLM_OK && t->curl_due <= now_ns(); i++) {
    t->curl_due = NEVER;
    mc = curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
  return mc;
}

const char *transport_drive (transport *t, int resumed) {
  sigpipe_guard guard;
  CURLMcode mc;
  CURLMsg *message;
  int64_t now = now_ns(), due;
  int left, i;
  if (!resumed)
    t->clock += now - t->last_driven;
  t->last_driven = now;
  for (i = 0; i < t->slots; i++) /* sent since the last drive */
    if (t->slot[i].started == 0)
      t->slot[i].started = t->clock;
  t->failed = 0;
  sigpipe_hold(&guard);
  mc = act(t);
  while ((message = curl_multi_info_read(t->multi, &left)) != NULL) {
    char *s = NULL;
    if (message->msg == CURLMSG_DONE &&
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &s) ==
          CURLE_OK) {
      slot *done = (slot *)(void *)s;
      CURLcode code = message->data.result;
      if (!start_again(t, done, code))
        finish(t, done, done->stale ? CURLE_RECV_ERROR : code);
    }
  }
  if (mc != CURLM_OK)
    give_up(t, mc);
  due = check_clocks(t);
  sigpipe_drop(&guard);
  arm(t, due < t->curl_due ? due : t->curl_due);
  if (t->failed)
    return strerror(t->failed);
  return mc == CURLM_OK || mc == CURLM_OUT_OF_MEMORY ? NULL
                                                     : curl_multi_strerror(mc);
}

int transport_fd (const transport *t) {
  return t->set;
}

const char *transport_wait (const transport *t, double seconds) {
  struct pollfd p = {t->set, POLLIN, 0};
  struct timespec ts;
  int64_t ns = seconds > 0 ? to_ns(seconds) : 0;
  ts.tv_sec = (time_t)(ns / 1000000000);
  ts.tv_nsec = (long)(ns % 1000000000);
  if (ppoll(&p, 1, &ts, NULL) == -1 && errno != EINTR)
    return strerror(errno);
  return NULL;
}

/* }====================================================================== */

/*
** {======================================================================
** Answers
** =======================================================================
*/

static slot *first_done (transport *t) {
  slot *first = NULL;
  int i;
  for (i = 0; i < t->slots; i++) {
    slot *s = &t->slot[i];
    if (s->state == SLOT_DONE && (first == NULL || s->order < first->order))
      first = s;
  }
  return first;
}

const transport_answer *transport_peek (transport *t) {
  slot *s = first_done(t);
  return s ? &s->answer : NULL;
}

char *transport_release (transport *t, size_t *capacity) {
  slot *s = first_done(t);
  char *body = s->body;
  *capacity = s->capacity;
  s->body = NULL;
  empty_slot(s);
  leave_ready(t);
  return body;
}

void transport_recycle (transport *t, char *body, size_t capacity) {
  spare *given = (spare *)(void *)body;
  if (t == NULL || t->spares >= t->slots || capacity > SPARE_SIZE) {
    free(body);
    return;
  }
  given->size = capacity;
  given->next = t->spare;
  t->spare = given;
  t->spares++;
}

static void withdraw (transport *t, slot *s) {
  if (s->state == SLOT_RUNNING)
    curl_multi_remove_handle(t->multi, s->easy);
  else if (s->state == SLOT_DONE)
    leave_ready(t);
  empty_slot(s);
}

void transport_cancel (transport *t, uint64_t id) {
  sigpipe_guard guard;
  int i;
  sigpipe_hold(&guard);
  for (i = 0; i < t->slots; i++)
    if (t->slot[i].state != SLOT_FREE && t->slot[i].answer.id == id)
      withdraw(t, &t->slot[i]);
  sigpipe_drop(&guard);
}

/* }====================================================================== */

/*
** {======================================================================
** Opening and closing
** =======================================================================
*/

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode global_init = CURLE_FAILED_INIT;

/* Never undone: other users of libcurl in the process may still run. */
static void init_libcurl (void) {
  global_init = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int add_to_set (const transport *t, int fd) {
  struct epoll_event event;
  memset(&event, 0, sizeof(event));
  event.events = EPOLLIN;
  event.data.fd = fd;
  return epoll_ctl(t->set, EPOLL_CTL_ADD, fd, &event);
}

/* On failure the list stays as it was, and its owner frees it. */
static int add_header (struct curl_slist **list, const char *line) {
  struct curl_slist *longer = curl_slist_append(*list, line);
  if (longer == NULL)
    return 0;
  *list = longer;
  return 1;
}

static int copy (char **to, const char *from) {
  return from == NULL || (*to = strdup(from)) != NULL;
}

const char *transport_open (transport **out, const transport_options *o) {
  transport *t;
  int i;
  pthread_once(&once, init_libcurl);
  if (global_init != CURLE_OK)
    return curl_easy_strerror(global_init);
  if (curl_version_info(CURLVERSION_NOW)->version_num < 0x074c00)
    return "libcurl is older than 7.76.0";
  t = calloc(1, sizeof(transport) + (size_t)o->slots * sizeof(slot));
  if (t == NULL)
    return curl_easy_strerror(CURLE_OUT_OF_MEMORY);
  *out = t;
  t->slots = o->slots;
  for (i = 0; i < t->slots; i++)
    t->slot[i].owner = t;
  t->clock = 1;
  t->last_driven = now_ns();
  t->curl_due = t->armed = NEVER;
  t->connect_timeout = to_ns(o->connect_timeout);
  t->timeout = to_ns(o->timeout);
  t->stall_timeout = to_ns(o->stall_timeout);
  t->timer = t->ready = -1;
  t->set = epoll_create1(EPOLL_CLOEXEC);
  if (t->set != -1)
    t->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  if (t->timer != -1)
    t->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (t->ready == -1 || add_to_set(t, t->timer) || add_to_set(t, t->ready))
    return strerror(errno);
  if (!copy(&t->ca_file, o->ca_file) || !copy(&t->proxy, o->proxy) ||
      !copy(&t->user_agent, o->user_agent) ||
      !add_header(&t->json, "Content-Type: application/json") ||
      !add_header(&t->json, "Accept: application/json") ||
      !add_header(&t->form,
                  "Content-Type: application/x-www-form-urlencoded") ||
      !add_header(&t->form, "Accept: application/json"))
    return curl_easy_strerror(CURLE_OUT_OF_MEMORY);
  return open_multi(t);
}

static void close_fd (int fd) {
  if (fd != -1)
    close(fd);
}

static void end_transfers (transport *t) {
  sigpipe_guard guard;
  int i;
  sigpipe_hold(&guard);
  for (i = 0; i < t->slots; i++) {
    if (t->slot[i].state != SLOT_FREE)
      withdraw(t, &t->slot[i]);
    curl_easy_cleanup(t->slot[i].easy);
    t->slot[i].easy = NULL;
  }
  close_multi(t);
  sigpipe_drop(&guard);
}

void transport_shut (transport *t) {
  end_transfers(t);
  transport_wake(t, 1);
}

void transport_close (transport *t) {
  if (t == NULL)
    return;
  end_transfers(t);
  close_fd(t->ready);
  close_fd(t->timer);
  close_fd(t->set);
  curl_slist_free_all(t->json);
  curl_slist_free_all(t->form);
  while (t->spare != NULL) {
    spare *next = t->spare->next;
    free(t->spare);
    t->spare = next;
  }
  free(t->ca_file);
  free(t->proxy);
  free(t->user_agent);
  free(t);
}

/* }====================================================================== */
