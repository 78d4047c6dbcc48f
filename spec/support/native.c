/*
** native.c
** What a host written in C can do and Lua can't, as a module for specs
*/

#define _GNU_SOURCE

#include <dlfcn.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lua.h"

#include "lauxlib.h"

int luaopen_native (lua_State *L);

static int l_fork (lua_State *L) {
  lua_pushinteger(L, fork());
  return 1;
}

static int l_wait (lua_State *L) {
  int status = 0;
  waitpid((pid_t)luaL_checkinteger(L, 1), &status, 0);
  lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status)
                                       : 1000 + WTERMSIG(status));
  return 1;
}

/* without closing the state, or anything else */
static int l_exit_now (lua_State *L) {
  _exit((int)luaL_checkinteger(L, 1));
}

static int l_default_sigpipe (lua_State *L) {
  (void)L;
  signal(SIGPIPE, SIG_DFL);
  return 0;
}

/* SIGPIPE is blocked, and one waits. */
static int l_hold_sigpipe (lua_State *L) {
  sigset_t set;
  (void)L;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  sigprocmask(SIG_BLOCK, &set, NULL);
  raise(SIGPIPE);
  return 0;
}

static int l_sigpipe_waits (lua_State *L) {
  sigset_t set;
  sigpending(&set);
  lua_pushboolean(L, sigismember(&set, SIGPIPE));
  return 1;
}

/* for libcurl it is so many seconds later than before; see shim.c */
static int l_later (lua_State *L) {
  *(long *)dlsym(RTLD_DEFAULT, "shim_later") += (long)luaL_checkinteger(L, 1);
  return 0;
}

int luaopen_native (lua_State *L) {
  static const luaL_Reg all[] = {{"fork", l_fork},
                                 {"wait", l_wait},
                                 {"exit_now", l_exit_now},
                                 {"default_sigpipe", l_default_sigpipe},
                                 {"hold_sigpipe", l_hold_sigpipe},
                                 {"sigpipe_waits", l_sigpipe_waits},
                                 {"later", l_later},
                                 {NULL, NULL}};
  luaL_newlib(L, all);
  return 1;
}
