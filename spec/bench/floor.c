/*
** floor.c
** The floor of `make bench`: what no walk can do without, and nothing else
**
** The same transfers as the module's (TLS, kept connections, gzip), a URL
** set anew for each page, and lua-cjson's decode on each body, whose result
** is dropped. One at a time by the easy interface, several by the multi
** interface. Nothing is checked that is not free, nothing is put in order.
**
** floor URL CA_FILE TOKEN PAGES PAGE_SIZE CONCURRENCY [http2] [die=N]
**
** URL is the endpoint without its query. `http2`: all on one connection.
** `die=N`: after N answers the oldest connection is shut down, and requests
** that fail are counted and sent again.
*/

#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <curl/curl.h>

#include "lua.h"

#include "lauxlib.h"
#include "lualib.h"

#define MAX_CONCURRENCY 64
#define URL_SIZE 2048

typedef struct {
  CURL *easy;
  long page;
  char *body;
  size_t len, capacity;
  char url[URL_SIZE];
} request;

typedef struct {
  lua_State *L; /* decode, "data" */
  const char *url, *ca_file, *token;
  struct curl_slist *headers;
  long pages, size, concurrency, next, answers, users, failures, die;
  int http2;
  curl_socket_t oldest;
  request requests[MAX_CONCURRENCY];
} work;

static void fail (const char *what, const char *why) {
  fprintf(stderr, "floor: %s: %s\n", what, why);
  exit(1);
}

static double seconds (clockid_t clock) {
  struct timespec ts;
  clock_gettime(clock, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static size_t on_body (char *data, size_t size, size_t count, void *user) {
  request *r = user;
  size_t n = size * count;
  if (r->len + n > r->capacity) {
    size_t capacity = r->capacity ? r->capacity : 65536;
    while (capacity < r->len + n)
      capacity *= 2;
    r->body = realloc(r->body, capacity);
    if (r->body == NULL)
      fail("body", "no memory");
    r->capacity = capacity;
  }
  memcpy(r->body + r->len, data, n);
  r->len += n;
  return n;
}

static curl_socket_t on_open (void *user, curlsocktype purpose,
                              struct curl_sockaddr *a) {
  work *w = user;
  curl_socket_t fd = socket(a->family, a->socktype, a->protocol);
  (void)purpose;
  if (w->oldest == CURL_SOCKET_BAD)
    w->oldest = fd;
  return fd;
}

static void prepare (work *w, request *r) {
  CURL *easy = curl_easy_init();
  if (easy == NULL)
    fail("libcurl", "no handle");
  curl_easy_setopt(easy, CURLOPT_PRIVATE, r);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, w);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(easy, CURLOPT_CAINFO, w->ca_file);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, w->headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "{}");
  curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
  curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, w->token);
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, (long)w->http2);
  curl_easy_setopt(
    easy, CURLOPT_HTTP_VERSION,
    (long)(w->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  r->easy = easy;
}

static void ask (const work *w, request *r, long page) {
  r->page = page;
  r->len = 0;
  snprintf(r->url, sizeof(r->url), "%s?pageIndex=%ld&pageSize=%ld", w->url,
           page, w->size);
  curl_easy_setopt(r->easy, CURLOPT_URL, r->url);
}

/* The users are counted by the length of an array, which costs nothing. */
static void answered (work *w, const request *r) {
  lua_State *L = w->L;
  lua_pushvalue(L, 1);
  lua_pushlstring(L, r->body, r->len);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK)
    fail("decode", lua_tostring(L, -1));
  lua_pushvalue(L, 2);
  lua_rawget(L, -2);
  w->users += (long)lua_rawlen(L, -1);
  lua_settop(L, 2);
  if (++w->answers == w->die)
    shutdown(w->oldest, SHUT_RDWR);
}

static void one_at_a_time (work *w) {
  request *r = &w->requests[0];
  while (w->next <= w->pages) {
    CURLcode rc;
    ask(w, r, w->next++);
    rc = curl_easy_perform(r->easy);
    if (rc != CURLE_OK)
      fail("transfer", curl_easy_strerror(rc));
    answered(w, r);
  }
}

static void finished (work *w, CURLM *multi, const CURLMsg *message) {
  request *r;
  CURLcode rc = message->data.result;
  curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&r);
  curl_multi_remove_handle(multi, r->easy);
  if (rc == CURLE_OK)
    answered(w, r);
  else if (w->die > 0) {
    w->failures++;
    ask(w, r, r->page);
    curl_multi_add_handle(multi, r->easy);
    return;
  }
  else
    fail("transfer", curl_easy_strerror(rc));
  if (w->next <= w->pages) {
    ask(w, r, w->next++);
    curl_multi_add_handle(multi, r->easy);
  }
}

static void several (work *w) {
  CURLM *multi = curl_multi_init();
  long i;
  for (i = 0; i < w->concurrency && w->next <= w->pages; i++) {
    ask(w, &w->requests[i], w->next++);
    curl_multi_add_handle(multi, w->requests[i].easy);
  }
  while (w->answers < w->pages) {
    const CURLMsg *message;
    int left;
    CURLMcode mc = curl_multi_perform(multi, &left);
    while ((message = curl_multi_info_read(multi, &left)) != NULL)
      finished(w, multi, message);
    if (mc == CURLM_OK && w->answers < w->pages)
      mc = curl_multi_poll(multi, NULL, 0, 60000, NULL);
    if (mc != CURLM_OK)
      fail("transfer", curl_multi_strerror(mc));
  }
  for (i = 0; i < w->concurrency; i++)
    curl_multi_remove_handle(multi, w->requests[i].easy);
  curl_multi_cleanup(multi);
}

int main (int argc, char **argv) {
  static work w;
  double began, cpu;
  long i;
  if (argc < 7)
    fail("usage", "URL CA_FILE TOKEN PAGES PAGE_SIZE CONCURRENCY");
  w.url = argv[1];
  w.ca_file = argv[2];
  w.token = argv[3];
  w.pages = atol(argv[4]);
  w.size = atol(argv[5]);
  w.concurrency = atol(argv[6]);
  w.next = 1;
  w.oldest = CURL_SOCKET_BAD;
  for (i = 7; i < argc; i++) {
    if (strcmp(argv[i], "http2") == 0)
      w.http2 = 1;
    else if (strncmp(argv[i], "die=", 4) == 0)
      w.die = atol(argv[i] + 4);
    else
      fail("unknown", argv[i]);
  }
  if (w.concurrency < 1 || w.concurrency > MAX_CONCURRENCY)
    fail("concurrency", "1 to 64");
  curl_global_init(CURL_GLOBAL_DEFAULT);
  w.headers = curl_slist_append(NULL, "Content-Type: application/json");
  w.headers = curl_slist_append(w.headers, "Accept: application/json");
  w.L = luaL_newstate();
  luaL_openlibs(w.L);
  if (luaL_dostring(w.L, "return require('cjson').new().decode, 'data'"))
    fail("lua-cjson", lua_tostring(w.L, -1));
  for (i = 0; i < w.concurrency; i++)
    prepare(&w, &w.requests[i]);
  began = seconds(CLOCK_MONOTONIC);
  cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  if (w.concurrency == 1)
    one_at_a_time(&w);
  else
    several(&w);
  printf("users=%ld\nelapsed=%.6f\ncpu=%.6f\nfailures=%ld\n", w.users,
         seconds(CLOCK_MONOTONIC) - began,
         seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, w.failures);
  for (i = 0; i < w.concurrency; i++) {
    curl_easy_cleanup(w.requests[i].easy);
    free(w.requests[i].body);
  }
  curl_slist_free_all(w.headers);
  lua_close(w.L);
  curl_global_cleanup();
  return 0;
}
