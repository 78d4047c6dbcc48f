/*
** url.h
** URLs, as libcurl reads and writes them
*/

#ifndef avepoint_url_h
#define avepoint_url_h

#include "lua.h"

#if defined(__GNUC__)
#pragma GCC visibility push(hidden)
#endif

/* Adds `url` and `escape` to the library on top of the stack. */
void url_open (lua_State *L);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#endif
