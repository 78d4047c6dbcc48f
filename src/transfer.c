/*
** transfer.c
** One request of a transport: its libcurl options, and the answer's bytes
**
** Everything that keeps a request safe is set here, from the first one on.
** The callbacks touch C structures only.
*/

#define _GNU_SOURCE

/* `make CPPFLAGS=-DAVEPOINT_OLD_CURL` builds with what libcurl 7.76 had,
** whatever the headers here have, for a host with that. */
#if defined(AVEPOINT_OLD_CURL)
#define CURL_DISABLE_DEPRECATION /* what came instead came later */
#endif

#include "transfer.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* A connection is checked against its certificate anew after so long. */
#define MAX_CONNECTION_AGE 3600L

#define FIRST_BODY_SIZE ((size_t)16384)

#if !defined(AVEPOINT_OLD_CURL)
#if LIBCURL_VERSION_NUM >= 0x075000
#define HAVE_MAXLIFETIME_CONN
#define HAVE_PREREQFUNCTION
#endif
#if LIBCURL_VERSION_NUM >= 0x075500
#define HAVE_PROTOCOLS_STR
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
#define HAVE_QUICK_EXIT
#endif
#endif

/*
** {======================================================================
** Callbacks
** =======================================================================
*/

/* Room for `size` bytes; the memory of a body before is taken first. */
static int grow (slot *s, size_t size) {
  transport *t = s->owner;
  size_t capacity = s->capacity ? s->capacity : FIRST_BODY_SIZE;
  char *bytes;
  if (s->body == NULL && t->spare != NULL && t->spare->size >= size) {
    spare *taken = t->spare;
    t->spare = taken->next;
    t->spares--;
    s->capacity = taken->size;
    s->body = (char *)taken;
    return 1;
  }
  while (capacity < size)
    capacity *= 2;
  bytes = realloc(s->body, capacity);
  if (bytes == NULL)
    return 0;
  s->body = bytes;
  s->capacity = capacity;
  return 1;
}

static size_t on_body (char *data, size_t size, size_t count, void *user) {
  slot *s = user;
  size_t n = size * count;
  long status = 0;
  size_t limit = s->limit;
  s->last_byte = s->owner->clock;
  curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) {
    limit = TRANSPORT_ERROR_LIMIT;
    if (n > limit - s->answer.body_len) {
      s->cut = 1;
      n = limit - s->answer.body_len;
    }
  }
  else if (n > limit - s->answer.body_len) {
    s->answer.end = TRANSPORT_TOO_LARGE;
    return 0;
  }
  if (s->answer.body_len + n > s->capacity &&
      !grow(s, s->answer.body_len + n)) {
    s->answer.end = TRANSPORT_NO_MEMORY;
    return 0;
  }
  if (n > 0)
    memcpy(s->body + s->answer.body_len, data, n);
  s->answer.body_len += n;
  return s->cut ? 0 : size * count;
}

/* Keeps the few lines that something above reads. */
static size_t on_header (char *line, size_t size, size_t count, void *user) {
  static const char *const kept[] = {"request-id",  "x-request-id",
                                     "retry-after", "date",
                                     "location",    "www-authenticate"};
  slot *s = user;
  size_t n = size * count, i;
  s->last_byte = s->owner->clock;
  if (n >= 5 && memcmp(line, "HTTP/", 5) == 0)
    s->headers_len = 0; /* what came before was interim */
  for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
    size_t name = strlen(kept[i]), start = name + 1, end = n;
    if (n <= name || line[name] != ':' || strncasecmp(line, kept[i], name))
      continue;
    while (start < end && (line[start] == ' ' || line[start] == '\t'))
      start++;
    while (end > start && (line[end - 1] == '\r' || line[end - 1] == '\n'))
      end--;
    if (name + 2 + (end - start) + 1 >= sizeof(s->headers) - s->headers_len)
      break; /* too long to be of use */
    memcpy(s->headers + s->headers_len, kept[i], name);
    memcpy(s->headers + s->headers_len + name, ": ", 2);
    memcpy(s->headers + s->headers_len + name + 2, line + start, end - start);
    s->headers_len += name + 2 + (end - start);
    s->headers[s->headers_len++] = '\n';
    break;
  }
  s->headers[s->headers_len] = '\0';
  return n;
}

static int on_new_socket (void *user, curl_socket_t fd, curlsocktype purpose) {
  transport *t = user;
  int flags = fcntl(fd, F_GETFD);
  (void)purpose;
  if (flags == -1 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) == -1)
    return CURL_SOCKOPT_ERROR;
  t->socket[t->sockets++ % SOCKETS] = fd;
  return CURL_SOCKOPT_OK;
}

#ifdef HAVE_PREREQFUNCTION

static int port_of (const struct sockaddr_storage *a) {
  return ntohs(a->ss_family == AF_INET6
                 ? ((const struct sockaddr_in6 *)(const void *)a)->sin6_port
                 : ((const struct sockaddr_in *)(const void *)a)->sin_port);
}

/* Does something wait to be read on the connection between these ports?
** libcurl does not tell the socket of one that it took from its cache. */
static int has_input (const transport *t, int to_port, int from_port) {
  unsigned i;
  for (i = 0; i < SOCKETS && i < t->sockets; i++) {
    struct sockaddr_storage here, there;
    socklen_t here_len = sizeof(here), there_len = sizeof(there);
    char byte;
    if (getsockname(t->socket[i], (struct sockaddr *)&here, &here_len) == 0 &&
        getpeername(t->socket[i], (struct sockaddr *)&there, &there_len) ==
          0 &&
        port_of(&here) == from_port && port_of(&there) == to_port)
      return recv(t->socket[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }
  return 0;
}

/* Just before a request is written. What waits on a connection that was used
** before is no answer to it: the connection is given up (see start_again). */
static int on_request (void *user, char *to, char *from, int to_port,
                       int from_port) {
  slot *s = user;
  long connects = 0;
  (void)to;
  (void)from;
  if (curl_easy_getinfo(s->easy, CURLINFO_NUM_CONNECTS, &connects) !=
        CURLE_OK ||
      connects > 0 || !has_input(s->owner, to_port, from_port))
    return 0;
  s->stale = 1;
  return 1; /* CURL_PREREQFUNC_ABORT */
}

#endif

/* }====================================================================== */

/*
** {======================================================================
** Options
** =======================================================================
*/


/* Every option of libcurl that a request relies on is set and checked: what
** it refuses is a request not sent. The first refusal stays in *rc. */
#define set(option, value) \
  (void)(*rc == CURLE_OK && (*rc = curl_easy_setopt(easy, option, value)))

/* What is the same for every request of a transport. */
static void set_lasting (transport *t, slot *s, CURL *easy, CURLcode *rc) {
  set(CURLOPT_PRIVATE, s);
  set(CURLOPT_ERRORBUFFER, s->message);
  set(CURLOPT_WRITEFUNCTION, on_body);
  set(CURLOPT_WRITEDATA, s);
  set(CURLOPT_HEADERFUNCTION, on_header);
  set(CURLOPT_HEADERDATA, s);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_SOCKOPTFUNCTION, on_new_socket);
  set(CURLOPT_SOCKOPTDATA, t);
#ifdef HAVE_PREREQFUNCTION
  set(CURLOPT_PREREQFUNCTION, on_request);
  set(CURLOPT_PREREQDATA, s);
#endif
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  set(CURLOPT_ACCEPT_ENCODING, "gzip");
  set(CURLOPT_USERAGENT, t->user_agent);
  set(CURLOPT_PATH_AS_IS, 1L);
  /* the clocks are ours; libcurl's would run while nobody drives */
  set(CURLOPT_TIMEOUT_MS, 0L);
  set(CURLOPT_CONNECTTIMEOUT_MS, 86400000L);
  /* a redirect would carry the request to a host nobody chose */
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_MAXREDIRS, 0L);
  set(CURLOPT_UNRESTRICTED_AUTH, 0L);
#ifdef HAVE_PROTOCOLS_STR
  set(CURLOPT_REDIR_PROTOCOLS_STR, "https");
#else
  set(CURLOPT_REDIR_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  set(CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
  set(CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
  set(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  if (t->ca_file != NULL) { /* instead of the trust store, not beside it */
    set(CURLOPT_CAINFO, t->ca_file);
    set(CURLOPT_CAPATH, NULL);
    set(CURLOPT_PROXY_CAINFO, t->ca_file);
    set(CURLOPT_PROXY_CAPATH, NULL);
  }
  /* libcurl 7.88 frees twice when an allocation fails in this cache */
  set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
#ifdef HAVE_MAXLIFETIME_CONN
  set(CURLOPT_MAXLIFETIME_CONN, MAX_CONNECTION_AGE);
#endif
  set(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
#ifdef HAVE_QUICK_EXIT
  set(CURLOPT_QUICK_EXIT, 1L);
#endif
  if (t->proxy != NULL)
    set(CURLOPT_PROXY, t->proxy);
}

/* What differs. */
static void set_request (transport *t, slot *s, const transport_request *r,
                         CURLcode *rc) {
  CURL *easy = s->easy;
#ifdef HAVE_PROTOCOLS_STR
  set(CURLOPT_PROTOCOLS_STR, r->cleartext ? "http,https" : "https");
#else
  set(CURLOPT_PROTOCOLS,
      (long)(CURLPROTO_HTTPS | (r->cleartext ? CURLPROTO_HTTP : 0)));
#endif
  set(CURLOPT_URL, r->url);
  set(CURLOPT_HTTPHEADER, r->form ? t->form : t->json);
  set(CURLOPT_POSTFIELDS, s->request);
  set(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
  set(CURLOPT_HTTPAUTH, r->bearer ? CURLAUTH_BEARER : CURLAUTH_NONE);
  set(CURLOPT_XOAUTH2_BEARER, r->bearer);
  /* a loopback address is nothing for a proxy, and neither is its bearer; a
  ** proxy of the options is for every host, whatever no_proxy names */
  set(CURLOPT_NOPROXY, r->cleartext ? "*" : t->proxy != NULL ? "" : NULL);
  set(CURLOPT_FRESH_CONNECT, r->fresh ? 1L : 0L);
  set(CURLOPT_FORBID_REUSE, r->fresh ? 1L : 0L);
}

/* libcurl 7.83 to 8.1 follows a pointer to the last header of the transfer
** before, long freed, when an answer's first header line begins with a blank
** (curl#11103). There no handle makes a second transfer. */
static int is_used_up (const CURL *easy) {
  unsigned version = curl_version_info(CURLVERSION_NOW)->version_num;
  return easy != NULL && version >= 0x075300 && version < 0x080101;
}

int transfer_again (slot *s) {
  if (is_used_up(s->easy)) {
    CURL *easy = curl_easy_duphandle(s->easy);
    if (easy == NULL)
      return 0;
    curl_easy_cleanup(s->easy);
    s->easy = easy;
  }
  return curl_easy_setopt(s->easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK;
}

CURLcode transfer_prepare (slot *s, const transport_request *r) {
  CURLcode rc = CURLE_OK;
  if (is_used_up(s->easy)) {
    curl_easy_cleanup(s->easy);
    s->easy = NULL;
  }
  if (s->easy == NULL) {
    CURL *easy = curl_easy_init();
    if (easy == NULL)
      return CURLE_OUT_OF_MEMORY;
    set_lasting(s->owner, s, easy, &rc);
    if (rc != CURLE_OK) {
      curl_easy_cleanup(easy);
      return rc;
    }
    s->easy = easy;
  }
  set_request(s->owner, s, r, &rc);
  return rc;
}

int64_t transfer_due (const slot *s, transport_end *end) {
  const transport *t = s->owner;
  int64_t due = s->started + t->timeout;
  curl_off_t sendable = 0; /* microseconds until the request could go */
  *end = TRANSPORT_TIMEOUT;
  if (s->last_byte != 0) {
    if (s->last_byte + t->stall_timeout < due) {
      due = s->last_byte + t->stall_timeout;
      *end = TRANSPORT_STALLED;
    }
  }
  else if (s->started + t->connect_timeout < due &&
           (curl_easy_getinfo(s->easy, CURLINFO_PRETRANSFER_TIME_T,
                              &sendable) != CURLE_OK ||
            sendable == 0)) {
    due = s->started + t->connect_timeout;
    *end = TRANSPORT_CONNECT_TIMEOUT;
  }
  return due;
}

/* }====================================================================== */
