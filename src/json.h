/*
** json.h
** Bytes of JSON to Lua tables, by a lua-cjson of our own
*/

#ifndef avepoint_json_h
#define avepoint_json_h

#include <stddef.h>

#include "lua.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Pushes the decoder that json_decode wants; raises without lua-cjson. */
void json_open (lua_State *L);

/*
** 'decoder' is the index of that decoder. Pushes the table and returns 1; or
** nil and a printable message and returns 2 where the bytes are no JSON; or
** these and true and returns 3 where they are, but are refused. Raises what is
** no fault of the bytes: memory errors, a stack without room, what a hook
** raised.
*/
int json_decode (lua_State *L, int decoder, const char *bytes, size_t len);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
