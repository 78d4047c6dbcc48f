/*
** core.c
** The Lua face of transport and json: binds and checks arguments
**
** No policy here. Every userdata is complete, with its metatable and marked
** closed, before anything is opened into it, so that a Lua error at any
** later point leaves an owner who frees. None of these functions calls Lua
** while libcurl is on the stack.
*/

#define _GNU_SOURCE

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "lua.h"

#include "lauxlib.h"

#include "json.h"
#include "nomem.h"
#include "transport.h"
#include "url.h"
#include "users.h"

#define HANDLE "avepoint.elements.core.handle"
#define BODY "avepoint.elements.core.body"

/* Longest wait of one slice, so that Ctrl-C is seen soon enough. */
#define SLICE 0.2

#define MAX_SLOTS 64
#define MAX_LIMIT 1073741824

/* The one symbol for others, whatever flags this is built with; the headers
** of the other parts hide theirs. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
int luaopen_avepoint_elements_core (lua_State *L);

/* For want of memory it is Lua's own error. */
static int fail (lua_State *L, const char *message) {
  if (strcmp(message, curl_easy_strerror(CURLE_OUT_OF_MEMORY)) == 0)
    return no_memory(L);
  luaL_pushfail(L);
  lua_pushstring(L, message);
  return 2;
}

typedef struct {
  transport *transport; /* NULL: closed */
  int shut;             /* closed, but for its descriptor */
  pid_t owner;
} handle;

/* What a call gives that returns true or the reason why not. */
static int outcome (lua_State *L, const char *message) {
  if (message != NULL)
    return fail(L, message);
  lua_pushboolean(L, 1);
  return 1;
}

/*
** {======================================================================
** Body: the bytes of an answer, decoded when they are handed over
** =======================================================================
*/

typedef struct {
  char *bytes;
  size_t len, capacity;
} body; /* its user value is the handle it came from */

static body *tobody (lua_State *L) {
  return luaL_checkudata(L, 1, BODY);
}

/*
** body:close() and __gc
** The memory goes back to the transport, if that is open still.
*/
static int body_close (lua_State *L) {
  body *b = tobody(L);
  char *bytes = b->bytes;
  b->bytes = NULL;
  b->len = 0;
  if (bytes != NULL) {
    const handle *h;
    lua_getiuservalue(L, 1, 1);
    h = lua_touserdata(L, -1);
    transport_recycle(h ? h->transport : NULL, bytes, b->capacity);
  }
  return 0;
}

/* #body --> how many bytes */
static int body_len (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)tobody(L)->len);
  return 1;
}

/*
** body:text([n]) --> string
** The first n bytes, or all.
*/
static int body_text (lua_State *L) {
  const body *b = tobody(L);
  lua_Integer n = luaL_optinteger(L, 2, LUA_MAXINTEGER);
  luaL_argcheck(L, n >= 0, 2, "must not be negative");
  lua_pushlstring(L, b->bytes ? b->bytes : "",
                  (lua_Unsigned)n < b->len ? (size_t)n : b->len);
  return 1;
}

/*
** core.decode(string or body) --> table
**                             --> nil, message: no JSON
**                             --> nil, message, true: JSON, but refused
** A body that is closed is empty, and so no JSON.
*/
static int core_decode (lua_State *L) {
  const body *b = luaL_testudata(L, 1, BODY);
  size_t len;
  const char *bytes;
  if (b != NULL) {
    len = b->len;
    bytes = b->bytes ? b->bytes : "";
  }
  else
    bytes = luaL_checklstring(L, 1, &len);
  lua_settop(L, 1);
  return json_decode(L, lua_upvalueindex(1), bytes, len);
}

/* }====================================================================== */

/*
** {======================================================================
** Handle: a transport
** =======================================================================
*/

static handle *tohandle (lua_State *L) {
  return luaL_checkudata(L, 1, HANDLE);
}

static int isclosed (const handle *h) {
  return h->transport == NULL || h->shut;
}

/* Raises where the handle is closed or its process another; all methods do
** but state, shut, close and tostring. */
static transport *toopen (lua_State *L) {
  const handle *h = tohandle(L);
  if (isclosed(h))
    luaL_error(L, "attempt to use a closed handle");
  if (h->owner != getpid())
    luaL_error(L, "attempt to use a handle across fork");
  return h->transport;
}

/*
** handle:close(), __close and __gc. A forked child only forgets: the
** connections are its parent's, and a goodbye on them would end them.
*/
static int handle_close (lua_State *L) {
  handle *h = tohandle(L);
  transport *t = h->transport;
  h->transport = NULL;
  if (h->owner == getpid())
    transport_close(t);
  return 0;
}

/*
** handle:shut()
** Closes all but the descriptor, which others may be waiting on: it is
** readable from now on, until the handle is closed.
*/
static int handle_shut (lua_State *L) {
  handle *h = tohandle(L);
  if (h->transport != NULL && h->owner == getpid())
    transport_shut(h->transport);
  h->shut = 1;
  return 0;
}

/* handle:state() --> "open", "closed" or "forked" */
static int handle_state (lua_State *L) {
  const handle *h = tohandle(L);
  lua_pushstring(L, isclosed(h)            ? "closed"
                    : h->owner != getpid() ? "forked"
                                           : "open");
  return 1;
}

/* tostring(handle) --> "handle (open)" or "handle (closed)" */
static int handle_tostring (lua_State *L) {
  lua_pushfstring(L, "handle (%s)", isclosed(tohandle(L)) ? "closed" : "open");
  return 1;
}

/* The value stays on the stack, so that a string lives while it is used. */
static const char *optfield (lua_State *L, int table, const char *name) {
  if (lua_getfield(L, table, name) == LUA_TNIL)
    return NULL;
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "field '%s' must be a string", name);
  return lua_tostring(L, -1);
}

static lua_Number numberfield (lua_State *L, int table, const char *name) {
  lua_Number n;
  int isnum;
  lua_getfield(L, table, name);
  n = lua_tonumberx(L, -1, &isnum);
  if (!isnum || !(n >= 0))
    luaL_error(L, "field '%s' must be a number, not negative", name);
  lua_pop(L, 1);
  return n;
}

static lua_Integer wholefield (lua_State *L, int table, const char *name,
                               lua_Integer most) {
  lua_Integer n;
  int isnum;
  lua_getfield(L, table, name);
  n = lua_tointegerx(L, -1, &isnum);
  if (!isnum || n < 0 || n > most)
    luaL_error(L, "field '%s' out of range", name);
  lua_pop(L, 1);
  return n;
}

static int flagfield (lua_State *L, int table, const char *name) {
  int flag;
  lua_getfield(L, table, name);
  flag = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return flag;
}

/*
** core.open{slots=, connect_timeout=, timeout=, stall_timeout=, user_agent=
**           [, ca_file=] [, proxy=]} --> handle
**                                    --> nil, message
** `slots`: 1 to 64 transfers at once; the rest as in transport_options.
** Raises on a field of another type or out of range.
*/
static int core_open (lua_State *L) {
  transport_options o;
  handle *h;
  const char *message;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  o.slots = (int)wholefield(L, 1, "slots", MAX_SLOTS);
  luaL_argcheck(L, o.slots >= 1, 1, "field 'slots' out of range");
  o.connect_timeout = numberfield(L, 1, "connect_timeout");
  o.timeout = numberfield(L, 1, "timeout");
  o.stall_timeout = numberfield(L, 1, "stall_timeout");
  o.user_agent = optfield(L, 1, "user_agent");
  o.ca_file = optfield(L, 1, "ca_file");
  o.proxy = optfield(L, 1, "proxy");
  h = lua_newuserdatauv(L, sizeof(*h), 0);
  h->transport = NULL;
  h->shut = 0;
  h->owner = getpid();
  luaL_setmetatable(L, HANDLE);
  message = transport_open(&h->transport, &o);
  if (message == NULL)
    return 1;
  transport_close(h->transport);
  h->transport = NULL;
  return fail(L, message);
}

/*
** handle:wake(on)
** The descriptor is readable from now on, or no longer for this reason.
*/
static int handle_wake (lua_State *L) {
  transport_wake(toopen(L), lua_toboolean(L, 2));
  return 0;
}

/* handle:fd() --> the descriptor */
static int handle_fd (lua_State *L) {
  lua_pushinteger(L, transport_fd(toopen(L)));
  return 1;
}

/*
** handle:send{url=, body=, limit= [, bearer=] [, form=] [, cleartext=]
**             [, fresh=]} --> id
**                         --> nil, message
** The fields are those of transport_request, an absent flag is off. Raises on
** one of another type or out of range.
*/
static int handle_send (lua_State *L) {
  transport *t = toopen(L);
  transport_request r;
  const char *message;
  uint64_t id;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  r.form = flagfield(L, 2, "form");
  r.cleartext = flagfield(L, 2, "cleartext");
  r.fresh = flagfield(L, 2, "fresh");
  r.limit = (size_t)wholefield(L, 2, "limit", MAX_LIMIT);
  r.url = optfield(L, 2, "url");
  r.bearer = optfield(L, 2, "bearer");
  r.body = optfield(L, 2, "body");
  if (r.url == NULL || r.body == NULL)
    return luaL_error(L, "fields 'url' and 'body' must be strings");
  r.body_len = (size_t)lua_rawlen(L, -1);
  message = transport_send(t, &r, &id);
  if (message != NULL)
    return fail(L, message);
  lua_pushinteger(L, (lua_Integer)id);
  return 1;
}

/*
** handle:drive([resumed]) --> true
**                         --> nil, message
** Does what is due. After a time in which nobody drove, `resumed` keeps
** that time off the clocks of the attempts.
*/
static int handle_drive (lua_State *L) {
  return outcome(L, transport_drive(toopen(L), lua_toboolean(L, 2)));
}

/* Does the main thread bear the hook that lua.c sets on SIGINT? */
static lua_State *interrupted (lua_State *L) {
  lua_State *main;
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  main = lua_tothread(L, -1);
  lua_pop(L, 1);
  return lua_gethook(main) != NULL && lua_gethookcount(main) == 1 &&
             lua_gethookmask(main) ==
               (LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT)
           ? main
           : NULL;
}

/*
** core.interrupted() --> boolean
** True in a coroutine once Ctrl-C was typed. In the main thread lua.c's own
** hook raises as soon as this has returned.
*/
static int core_interrupted (lua_State *L) {
  lua_State *main = interrupted(L);
  lua_pushboolean(L, main != NULL && main != L);
  return 1;
}

/*
** handle:wait(seconds) --> true
**                      --> nil, message
** One slice at most; sooner where there is something to do, at once where
** Ctrl-C was typed.
*/
static int handle_wait (lua_State *L) {
  const transport *t = toopen(L);
  lua_Number seconds = luaL_checknumber(L, 2);
  if (interrupted(L) != NULL)
    return outcome(L, NULL);
  return outcome(L, transport_wait(t, seconds < SLICE ? seconds : SLICE));
}

static void setstring (lua_State *L, const char *name, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

static void setinteger (lua_State *L, const char *name, lua_Integer value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

/*
** handle:take() --> {id=, ended=, code=, status=, connect_status=, seconds=,
**                    message=, headers=, body=}
**               --> nothing where none is finished
** `ended`: "answered", "connect_timeout", "timeout", "stalled", "too_large",
** "no_memory". `code`: libcurl's, 0 with an HTTP answer.
*/
static int handle_take (lua_State *L) {
  static const char *const ends[] = {"answered",  "connect_timeout",
                                     "timeout",   "stalled",
                                     "too_large", "no_memory"};
  transport *t = toopen(L);
  const transport_answer *peeked;
  transport_answer a;
  char message[CURL_ERROR_SIZE], headers[TRANSPORT_HEADERS];
  body *b;
  if (transport_peek(t) == NULL)
    return 0;
  b = lua_newuserdatauv(L, sizeof(*b), 1);
  b->bytes = NULL;
  b->len = b->capacity = 0;
  luaL_setmetatable(L, BODY);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  /* a finaliser that ran up to here may have withdrawn it, or closed all */
  if (isclosed(tohandle(L)) || (peeked = transport_peek(t)) == NULL)
    return 0;
  a = *peeked;
  strncpy(message, a.message, sizeof(message) - 1);
  message[sizeof(message) - 1] = '\0';
  strcpy(headers, a.headers);
  b->bytes = transport_release(t, &b->capacity);
  b->len = a.body_len; /* from here on the slot may be another's */
  lua_createtable(L, 0, 9);
  lua_insert(L, -2);
  lua_setfield(L, -2, "body");
  setinteger(L, "id", (lua_Integer)a.id);
  setstring(L, "ended", ends[a.end]);
  setinteger(L, "code", a.code);
  setinteger(L, "status", a.status);
  setinteger(L, "connect_status", a.connect_status);
  lua_pushnumber(L, a.seconds);
  lua_setfield(L, -2, "seconds");
  setstring(L, "message", message);
  setstring(L, "headers", headers);
  return 1;
}

/* handle:cancel(id): withdraws it or its answer; an unknown id is ignored */
static int handle_cancel (lua_State *L) {
  transport *t = toopen(L);
  transport_cancel(t, (uint64_t)luaL_checkinteger(L, 2));
  return 0;
}

/* }====================================================================== */

/* core.now() --> seconds of a clock that never jumps */
static int core_now (lua_State *L) {
  lua_pushnumber(L, transport_now());
  return 1;
}

/*
** lua_close unloads C modules, and libcurl's resolver thread may outlive a
** transfer: the code it returns to must stay mapped.
*/
static void pin (lua_State *L) {
  Dl_info info;
  void *address;
  int (*self)(lua_State *) = luaopen_avepoint_elements_core;
  memcpy(&address, &self, sizeof(address)); /* no cast in C99 */
  if (dladdr(address, &info) == 0 || info.dli_fname == NULL ||
      dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE) == NULL)
    luaL_error(L, "avepoint.elements.core can't keep itself loaded");
}

static void newclass (lua_State *L, const char *name, const luaL_Reg *meta,
                      const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  luaL_setfuncs(L, meta, 0);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0); /* getmetatable gives nobody a __gc to call */
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

static const luaL_Reg body_meta[] = {
  {"__gc", body_close}, {"__len", body_len}, {NULL, NULL}};

static const luaL_Reg body_methods[] = {
  {"text", body_text}, {"close", body_close}, {NULL, NULL}};

static const luaL_Reg handle_meta[] = {{"__gc", handle_close},
                                       {"__close", handle_close},
                                       {"__tostring", handle_tostring},
                                       {NULL, NULL}};

static const luaL_Reg handle_methods[] = {{"send", handle_send},
                                          {"drive", handle_drive},
                                          {"wait", handle_wait},
                                          {"take", handle_take},
                                          {"cancel", handle_cancel},
                                          {"fd", handle_fd},
                                          {"wake", handle_wake},
                                          {"shut", handle_shut},
                                          {"state", handle_state},
                                          {"close", handle_close},
                                          {NULL, NULL}};

static const luaL_Reg core[] = {{"open", core_open},
                                {"now", core_now},
                                {"interrupted", core_interrupted},
                                {NULL, NULL}};

int luaopen_avepoint_elements_core (lua_State *L) {
  pin(L);
  newclass(L, BODY, body_meta, body_methods);
  newclass(L, HANDLE, handle_meta, handle_methods);
  luaL_newlib(L, core);
  url_open(L);
  users_open(L);
  json_open(L);
  lua_pushcclosure(L, core_decode, 1);
  lua_setfield(L, -2, "decode");
  return 1;
}
