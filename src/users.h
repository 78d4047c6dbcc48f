/*
** users.h
** Arrays of users, by their ids: which were given before
*/

#ifndef avepoint_users_h
#define avepoint_users_h

#include "lua.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Adds `seen`, `hash` and `nameless` to the library on top of the stack. */
void users_open (lua_State *L);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
