/*
** nomem.h
** Lua's own memory error, for memory that is not Lua's
*/

#ifndef avepoint_nomem_h
#define avepoint_nomem_h

#include "lua.h"

/* lua_error knows it by the bare message, which luaL_error would put a
** position in front of. */
static inline int no_memory (lua_State *L) {
  lua_pushliteral(L, "not enough memory");
  return lua_error(L);
}

#endif
