/*
** users.c
** Arrays of users, by their ids: which were given before
**
** A set of ids is a userdata; it is marked empty before anything is added.
*/

#include "users.h"

#include <stdint.h>

#include "lauxlib.h"

#include "nomem.h"
#include "seen.h"

#define SEEN "avepoint.elements.core.seen"

static seen *toseen (lua_State *L) {
  return luaL_checkudata(L, 1, SEEN);
}

/* core.seen() --> an empty set */
static int core_seen (lua_State *L) {
  seen_init(lua_newuserdatauv(L, sizeof(seen), 0));
  luaL_setmetatable(L, SEEN);
  return 1;
}

/* __gc */
static int seen_collect (lua_State *L) {
  seen_free(toseen(L));
  return 0;
}

static uint64_t checkid (lua_State *L, int arg) {
  size_t len;
  const char *id = luaL_checklstring(L, arg, &len);
  return seen_hash(id, len);
}

static int add (lua_State *L, seen *s, uint64_t hash) {
  int added = seen_add(s, hash);
  if (added < 0)
    no_memory(L);
  return added;
}

/* seen:add(id) --> true where it was not in yet */
static int seen_add_id (lua_State *L) {
  seen *s = toseen(L);
  lua_pushboolean(L, add(L, s, checkid(L, 2)));
  return 1;
}

/* seen:has(id) --> boolean */
static int seen_has_id (lua_State *L) {
  const seen *s = toseen(L);
  lua_pushboolean(L, seen_has(s, checkid(L, 2)));
  return 1;
}

/* seen:count() --> how many */
static int seen_count_ids (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)seen_count(toseen(L)));
  return 1;
}

/* seen:bytes() --> memory they take */
static int seen_count_bytes (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)seen_bytes(toseen(L)));
  return 1;
}

static void put_hash (char *to, uint64_t hash) {
  int i;
  for (i = 0; i < 8; i++)
    to[i] = (char)(unsigned char)(hash >> (8 * i) & 0xff);
}

/*
** core.nameless(users) --> index of the first that is no table with a
**                          string `id` that is not empty, or nothing
*/
static int core_nameless (lua_State *L) {
  lua_Integer i, n;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  n = (lua_Integer)lua_rawlen(L, 1);
  lua_pushliteral(L, "id");
  for (i = 1; i <= n; i++) {
    int fits = lua_rawgeti(L, 1, i) == LUA_TTABLE;
    if (fits) {
      lua_pushvalue(L, 2);
      fits = lua_rawget(L, 3) == LUA_TSTRING && lua_rawlen(L, 4) > 0;
    }
    if (!fits) {
      lua_pushinteger(L, i);
      return 1;
    }
    lua_settop(L, 2);
  }
  return 0;
}

/*
** seen:admit(users) --> repeats, kept, all
** Removes from the array `users` those whose `id` (a string) is in the set
** and adds the rest. `kept` has 8 bytes for each user that stays, `all` for
** each that was there. Raises on a user without an id.
*/
static int seen_admit (lua_State *L) {
  seen *s = toseen(L);
  char *kept, *all;
  lua_Integer from, to = 0, n;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  n = (lua_Integer)lua_rawlen(L, 2);
  lua_pushliteral(L, "id");
  kept = lua_newuserdatauv(L, (size_t)n * 16 + 1, 0); /* for both */
  all = kept + n * 8;
  for (from = 0; from < n; from++) { /* seen, users, "id", hashes */
    const char *id;
    size_t len;
    uint64_t hash;
    lua_rawgeti(L, 2, from + 1);
    luaL_argcheck(L, lua_istable(L, -1), 2, "a user that is no table");
    lua_pushvalue(L, 3);
    if (lua_rawget(L, -2) != LUA_TSTRING) /* …, user, id */
      return luaL_argerror(L, 2, "a user without an id");
    id = lua_tolstring(L, -1, &len);
    hash = seen_hash(id, len);
    lua_pop(L, 1);
    put_hash(all + 8 * from, hash);
    if (add(L, s, hash)) {
      put_hash(kept + 8 * to++, hash);
      if (to <= from) {
        lua_rawseti(L, 2, to);
        continue;
      }
    }
    lua_pop(L, 1);
  }
  for (from = to; from < n; from++) {
    lua_pushnil(L);
    lua_rawseti(L, 2, from + 1);
  }
  lua_pushinteger(L, n - to);
  lua_pushlstring(L, kept, (size_t)to * 8);
  if (to == n)
    lua_pushvalue(L, -1);
  else
    lua_pushlstring(L, all, (size_t)n * 8);
  return 3;
}

/* seen:restore(hashes): adds those of a string as admit returned it */
static int seen_restore (lua_State *L) {
  seen *s = toseen(L);
  size_t len, i;
  const char *p = luaL_checklstring(L, 2, &len);
  luaL_argcheck(L, len % 8 == 0, 2, "not a string of hashes");
  for (; len > 0; len -= 8, p += 8) {
    uint64_t hash = 0;
    for (i = 8; i-- > 0;)
      hash = hash << 8 | (unsigned char)p[i];
    add(L, s, hash);
  }
  return 0;
}

/* core.hash(id) --> its 8 bytes, as in the hashes of admit */
static int core_hash (lua_State *L) {
  char bytes[8];
  put_hash(bytes, checkid(L, 1));
  lua_pushlstring(L, bytes, sizeof(bytes));
  return 1;
}

static const luaL_Reg seen_meta[] = {{"__gc", seen_collect}, {NULL, NULL}};

static const luaL_Reg seen_methods[] = {{"add", seen_add_id},
                                        {"has", seen_has_id},
                                        {"admit", seen_admit},
                                        {"restore", seen_restore},
                                        {"count", seen_count_ids},
                                        {"bytes", seen_count_bytes},
                                        {NULL, NULL}};

static const luaL_Reg users[] = {{"seen", core_seen},
                                 {"hash", core_hash},
                                 {"nameless", core_nameless},
                                 {NULL, NULL}};

void users_open (lua_State *L) {
  luaL_newmetatable(L, SEEN);
  luaL_setfuncs(L, seen_meta, 0);
  luaL_newlib(L, seen_methods);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  luaL_setfuncs(L, users, 0);
}
