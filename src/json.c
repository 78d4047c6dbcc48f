/*
** json.c
** lua-cjson decodes; a pass over the tables makes all its versions agree
*/

#include <stdlib.h>
#include <string.h>

#include "lua.h"
#include "lauxlib.h"

#include "json.h"
#include "nomem.h"

#if defined(LUA_32BITS) && LUA_32BITS
#error "a Lua with 64-bit numbers is needed"
#endif

#define MAX_DEPTH 32
#define MAX_BYTES ((size_t)1 << 30)      /* lua-cjson counts in ints */
#define MAX_WHOLE ((lua_Integer)1 << 53) /* doubles skip some beyond it */
#define MAX_NUMBER 9223372036854775808.0 /* 2^63, see 'number' */
#define MAX_NAMES 16
#define FEW_LEVELS 4
#define LEVEL_SLOTS (2 * MAX_NAMES + 8) /* of the stack, for one level */
#define MAX_SHOWN 40 /* bytes of a member's name, in a message */

#define NEEDED                                                             \
  "avepoint.elements needs lua-cjson (Debian, Fedora: lua-cjson; Alpine: " \
  "lua5.4-cjson; Homebrew and others: luarocks --lua-version 5.4 "         \
  "install lua-cjson)"


/*
** Opening: an instance of our own, so nobody's settings reach us.
*/

/* [function, arguments] --> [result] */
static void call_cjson (lua_State *L, int args, const char *what) {
  int status = lua_pcall(L, args, 1, 0);
  if (status == LUA_ERRMEM)
    lua_error(L);
  if (status != LUA_OK) {
    const char *why = luaL_tolstring(L, -1, NULL);
    lua_pushlstring(L, why, strcspn(why, "\r\n")); /* no search paths */
    luaL_error(L, NEEDED "\n%s: %s", what, lua_tostring(L, -1));
  }
}


/* [table] --> [table, function] */
static void get_function (lua_State *L, const char *name) {
  if (!lua_istable(L, -1) || lua_getfield(L, -1, name) != LUA_TFUNCTION)
    luaL_error(L, NEEDED "\nthe cjson found here has no '%s'", name);
}


void json_open (lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cjson");
  call_cjson(L, 1, "require");
  get_function(L, "new");
  call_cjson(L, 0, "new");
  lua_replace(L, -2);
  get_function(L, "decode_max_depth");
  lua_pushinteger(L, MAX_DEPTH);
  call_cjson(L, 1, "decode_max_depth");
  lua_pop(L, 1);
  get_function(L, "decode_invalid_numbers");
  lua_pushboolean(L, 0);
  call_cjson(L, 1, "decode_invalid_numbers");
  lua_pop(L, 1);
  get_function(L, "decode");
  lua_replace(L, -2);
}


/*
** Names. Most members of a user are strings and booleans, in which there is
** nothing to change, and the bytes tell the names of the others more cheaply
** than a visit to every member would: in JSON that decodes, a member's colon
** follows a quote, and its value is a string or a boolean if '"', 't' or 'f'
** follows the colon (with space between at will). A colon inside a string can
** add a name too many, never hide one. What is in an array lies between the
** first '[' and the last ']'; the rest is small and visited whole.
*/

typedef struct name {
  const char *at;
  size_t len;
} name;


static int is_space (char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}


/* adds the name that the quote at 'end' closes; 0: better visit everything */
static int add_name (name *names, int *count, const char *bytes,
                     const char *end) {
  const char *at = end;
  size_t len;
  int i;
  while (at > bytes && at[-1] != '"') {
    if (*--at == '\\') /* what it decodes to is not worth knowing here */
      return 0;
  }
  if (at - bytes < 2 || at[-2] == '\\')
    return 0;
  len = (size_t)(end - at);
  for (i = 0; i < *count; i++) {
    if (names[i].len == len && memcmp(names[i].at, at, len) == 0)
      return 1;
  }
  if (i == MAX_NAMES)
    return 0;
  names[i].at = at;
  names[i].len = len;
  *count = i + 1;
  return 1;
}


/* how many names there are, or -1 */
static int find_names (name *names, const char *bytes, size_t len) {
  const char *at = memchr(bytes, '[', len);
  const char *end = bytes + len;
  int count = 0;
  while (end > bytes && end[-1] != ']')
    end--;
  /* the last byte is a ']' now, so there always is one after a colon */
  while (at != NULL && at < end &&
         (at = memchr(at, ':', (size_t)(end - at))) != NULL) {
    const char *before = at++;
    if (*at == '"')
      continue;
    while (is_space(*at))
      at++;
    while (is_space(before[-1]))
      before--;
    if (before[-1] == '"' && *at != '"' && *at != 't' && *at != 'f' &&
        !add_name(names, &count, bytes, before - 1))
      return -1;
  }
  return count;
}


/*
** The pass. A function that returns a reason refuses the document, and has
** pushed the way from its value to the place: ".a[1]". What lies below that
** on the stack is left there, so every step back makes room again.
*/

enum { OUTSIDE, IN_ARRAY, USER }; /* where an object stands */

typedef struct pass {
  lua_State *L;
  const void *users; /* the table of 'data' */
  int status;        /* index of the key "status" */
  int names; /* index of the first name; "status" is the last, if one */
  int count[USER + 1]; /* names to look for in such an object; -1: in all */
} pass;

static const char *tidy (const pass *p, int t, int where, int depth);


static void make_room (lua_State *L) {
  luaL_checkstack(L, LEVEL_SLOTS, "no room for JSON");
}


/* replaces the string on the top by one of printable characters */
static void make_printable (lua_State *L) {
  static const char digits[] = "0123456789ABCDEF";
  luaL_Buffer b;
  size_t i, len;
  const char *s = lua_tolstring(L, -1, &len);
  luaL_buffinit(L, &b);
  for (i = 0; i < len; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c >= 0x20 && c < 0x7f)
      luaL_addchar(&b, s[i]);
    else {
      luaL_addstring(&b, "\\x");
      luaL_addchar(&b, digits[c >> 4]);
      luaL_addchar(&b, digits[c & 15]);
    }
  }
  luaL_pushresult(&b);
  lua_replace(L, -2);
}


static const char *refuse (lua_State *L, const char *reason) {
  lua_pushliteral(L, "");
  return reason;
}


/*
** The number on the top, as any lua-cjson would have to give it. Some turn
** what is beyond 2^63 into 2^63-1 without a word, others leave it be; where
** one can't know what was sent there is nothing to hand over.
*/
static const char *number (lua_State *L, int *changed) {
  lua_Number x = lua_tonumber(L, -1);
  int is_integer = lua_isinteger(L, -1);
  int is_whole;
  lua_Integer i;
  if (!(x > -MAX_NUMBER && x < MAX_NUMBER)) /* NaN too */
    return refuse(L, "is a number out of range");
  i = (lua_Integer)x; /* by way of x, which has rounded 2^53+1 to 2^53 */
  is_whole = -MAX_WHOLE <= i && i <= MAX_WHOLE && (lua_Number)i == x;
  if (is_integer ? is_whole && i == lua_tointeger(L, -1) : !is_whole)
    return NULL;
  if (is_whole)
    lua_pushinteger(L, i);
  else
    lua_pushnumber(L, x);
  *changed = 1;
  return NULL;
}


static int is_plain (int type) {
  return type == LUA_TSTRING || type == LUA_TBOOLEAN || type == LUA_TNIL;
}


/* the value on the top; pushes what is to stand there if it has 'changed' */
static const char *value (const pass *p, int type, int where, int depth,
                          int *changed) {
  if (is_plain(type))
    return NULL;
  switch (type) {
    case LUA_TNUMBER: return number(p->L, changed);
    case LUA_TTABLE: return tidy(p, lua_gettop(p->L), where, depth + 1);
    case LUA_TLIGHTUSERDATA: /* cjson.null */
      lua_pushnil(p->L);
      *changed = 1;
      return NULL;
    default: return refuse(p->L, "is no value of JSON");
  }
}


/*
** The status of the user on the top: "integer[]" in one document of the
** service, "integer" in another, so here always an array. Its absence means
** that the status is unknown.
*/

static const char *tidy_array (const pass *p, int t, lua_Unsigned n,
                               int is_codes, int depth);


static const char *no_array (lua_State *L, int type) {
  lua_pushliteral(L, "");
  switch (type) {
    case LUA_TSTRING: return "is a string, not an array of codes";
    case LUA_TBOOLEAN: return "is a boolean, not an array of codes";
    case LUA_TTABLE: return "is an object, not an array of codes";
    default: return "is not a whole number";
  }
}


/* the status, of this type, on the top; pushes one if it has 'changed' */
static const char *tidy_codes (const pass *p, int type, int depth,
                               int *changed) {
  lua_State *L = p->L;
  const char *reason;
  if (type == LUA_TNIL)
    return NULL;
  if (type == LUA_TTABLE) {
    lua_Unsigned n = lua_rawlen(L, -1);
    if (n > 0)
      return tidy_array(p, lua_gettop(L), n, 1, depth + 1);
  }
  reason = value(p, type, IN_ARRAY, depth, changed);
  if (reason != NULL || lua_isnil(L, -1)) /* a null is absent */
    return reason;
  if (type == LUA_TTABLE) {
    lua_pushnil(L);
    return lua_next(L, -2) ? no_array(L, type) : NULL;
  }
  if (!lua_isinteger(L, -1))
    return no_array(L, type);
  lua_createtable(L, 1, 0);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, 1);
  *changed = 1;
  return NULL;
}


static const char *tidy_status (const pass *p, int depth) {
  lua_State *L = p->L;
  int user = lua_gettop(L);
  int changed = 0;
  const char *reason;
  lua_pushvalue(L, p->status);
  reason = tidy_codes(p, lua_rawget(L, user), depth, &changed);
  if (reason != NULL) {
    make_room(L);
    lua_pushfstring(L, ".status%s", lua_tostring(L, -1));
    return reason;
  }
  if (changed) {
    lua_pushvalue(L, p->status);
    lua_pushvalue(L, -2);
    lua_rawset(L, user);
  }
  lua_settop(L, user);
  return NULL;
}


/*
** Arrays and objects. Nothing is added to a table that is being traversed.
*/

static const char *tidy_array (const pass *p, int t, lua_Unsigned n,
                               int is_codes, int depth) {
  lua_State *L = p->L;
  int where = lua_topointer(L, t) == p->users ? USER : IN_ARRAY;
  lua_Integer i;
  for (i = 1; (lua_Unsigned)i <= n; i++) {
    int changed = 0;
    int type = lua_rawgeti(L, t, i);
    const char *reason = value(p, type, where, depth, &changed);
    if (reason == NULL && changed && lua_isnil(L, -1))
      reason = refuse(L, "is a null inside an array");
    if (reason == NULL && is_codes && !lua_isinteger(L, -1))
      reason = refuse(L, "is not a whole number");
    if (reason == NULL && where == USER && type == LUA_TTABLE)
      reason = tidy_status(p, depth + 1);
    if (reason != NULL) {
      make_room(L);
      lua_pushfstring(L, "[%I]%s", (LUAI_UACINT)i, lua_tostring(L, -1));
      return reason;
    }
    if (changed)
      lua_rawseti(L, t, i);
    lua_pop(L, 1);
  }
  return NULL;
}


/* the value on the top, under the key at 'key'; may leave more on the top */
static const char *tidy_member (const pass *p, int t, int key, int type,
                                int where, int depth) {
  lua_State *L = p->L;
  int changed = 0;
  const char *reason =
    value(p, type, where == OUTSIDE ? OUTSIDE : IN_ARRAY, depth, &changed);
  if (reason != NULL) {
    size_t len;
    const char *shown;
    make_room(L);
    shown = luaL_tolstring(L, key, &len);
    if (len <= MAX_SHOWN)
      lua_pushlstring(L, shown, len);
    else /* no piece of what may be a secret, which would not be known */
      lua_pushliteral(L, "[a long name]");
    make_printable(L);
    lua_pushfstring(L, ".%s%s", lua_tostring(L, -1), lua_tostring(L, -3));
  }
  else if (changed) {
    lua_pushvalue(L, key);
    lua_pushvalue(L, -2);
    lua_rawset(L, t);
  }
  return reason;
}


static const char *tidy_named (const pass *p, int t, int where, int depth) {
  lua_State *L = p->L;
  const char *reason = NULL;
  int i, top = lua_gettop(L);
  for (i = 0; reason == NULL && i < p->count[where]; i++) {
    int type;
    lua_pushvalue(L, p->names + i);
    type = lua_rawget(L, t);
    if (!is_plain(type))
      reason = tidy_member(p, t, p->names + i, type, where, depth);
  }
  if (reason == NULL)
    lua_settop(L, top);
  return reason;
}


static const char *tidy_all (const pass *p, int t, int where, int depth) {
  lua_State *L = p->L;
  const char *reason;
  int key = lua_gettop(L) + 1;
  lua_pushnil(L);
  while (lua_next(L, t)) {
    reason = tidy_member(p, t, key, lua_type(L, -1), where, depth);
    if (reason != NULL)
      return reason;
    lua_settop(L, key);
  }
  return NULL;
}


static const char *tidy (const pass *p, int t, int where, int depth) {
  lua_State *L = p->L;
  lua_Unsigned n = lua_rawlen(L, t);
  if (depth > FEW_LEVELS) /* json_decode made room for those */
    make_room(L);
  if (depth > MAX_DEPTH)
    return refuse(L, "is nested too deeply");
  if (n > 0)
    return tidy_array(p, t, n, 0, depth);
  if (p->count[where] < 0)
    return tidy_all(p, t, where, depth);
  return tidy_named(p, t, where, depth);
}


/*
** Decoding.
*/

/* lua-cjson's own message on the top? Else it is not about the bytes: a full
** stack, an error from a hook, such as Ctrl-C's. */
static int is_complaint (lua_State *L) {
  const char *message;
  if (lua_type(L, -1) != LUA_TSTRING)
    return 0;
  message = lua_tostring(L, -1);
  return strstr(message, " at character ") != NULL ||
         strstr(message, "JSON parser") == message;
}


/* the message is on the top */
static int fail (lua_State *L, int top) {
  make_printable(L);
  lua_pushnil(L);
  lua_insert(L, top + 1);
  lua_copy(L, -1, top + 2);
  lua_settop(L, top + 2);
  return 2;
}


/*
** lua-cjson ends the process when it finds no memory for its buffer, which
** is as long as the text. So that is asked for first, and given back.
*/
static void probe_memory (lua_State *L, size_t len) {
  void *volatile probe = malloc(len + 65536); /* not to be optimised away */
  if (probe == NULL)
    no_memory(L);
  free(probe);
}


/* [decoder, text] --> [table], or [message] and 0 */
static int call_decoder (lua_State *L) {
  int status = lua_pcall(L, 1, 2, 0);
  if (status == LUA_OK && lua_istable(L, -2)) {
    lua_pop(L, 1);
    return 1;
  }
  if (status == LUA_OK && !lua_isnil(L, -2))
    lua_pushliteral(L, "the body is neither an object nor an array");
  else if ((status != LUA_OK && status != LUA_ERRRUN) || !is_complaint(L))
    lua_error(L); /* a cjson that is cjson.safe returns nil and a message */
  return 0;
}


/* the table is on the top; 'bytes' are what it was decoded from */
static const char *pass_over (lua_State *L, const char *bytes, size_t len) {
  name names[MAX_NAMES];
  pass p;
  int i, top = lua_gettop(L);
  int count = find_names(names, bytes, len);
  p.L = L;
  lua_pushliteral(L, "data");
  lua_rawget(L, top);
  p.users = lua_istable(L, -1) ? lua_topointer(L, -1) : NULL;
  p.status = top + 2;
  lua_pushliteral(L, "status");
  p.names = top + 3;
  p.count[OUTSIDE] = -1;
  p.count[IN_ARRAY] = p.count[USER] = count;
  for (i = 0; i < count; i++) {
    lua_pushlstring(L, names[i].at, names[i].len);
    if (lua_rawequal(L, -1, p.status)) { /* tidy_status does it for users */
      p.count[USER] = count - 1;
      lua_pop(L, 1);
    }
  }
  if (p.count[USER] < count)
    lua_pushvalue(L, p.status);
  return tidy(&p, top, OUTSIDE, 1);
}


int json_decode (lua_State *L, int decoder, const char *bytes, size_t len) {
  const char *reason;
  int top = lua_gettop(L);
  /* here for lua-cjson too: it takes a full stack for too deep a document */
  luaL_checkstack(L, (FEW_LEVELS + 1) * LEVEL_SLOTS, "no room for JSON");
  if (len == 0 || len >= MAX_BYTES || memchr(bytes, '\0', len) != NULL) {
    const char *problem = "a NUL byte in the body";
    if (len == 0)
      problem = "the body is empty";
    else if (len >= MAX_BYTES)
      problem = "the body is too long";
    lua_pushstring(L, problem);
    return fail(L, top);
  }
  lua_pushvalue(L, decoder);
  bytes = lua_pushlstring(L, bytes, len); /* ours, whatever is run meanwhile */
  lua_insert(L, top + 1);
  lua_pushvalue(L, top + 1);
  probe_memory(L, len);
  if (!call_decoder(L))
    return fail(L, top);
  reason = pass_over(L, bytes, len);
  if (reason != NULL) {
    const char *way = lua_tostring(L, -1);
    make_room(L);
    lua_pushfstring(L, "%s %s", *way == '.' ? way + 1 : way, reason);
    fail(L, top);
    lua_pushboolean(L, 1);
    return 3;
  }
  lua_settop(L, top + 2);
  lua_remove(L, top + 1);
  return 1;
}
