/*
** keep.c
** Preloaded beside a sanitizer into the Lua that runs the specs: modules stay
** loaded, so that a leak's lines can be named; and the programs that Lua
** starts run without any of this.
*/

#define _GNU_SOURCE

#include <stdlib.h>

int dlclose (void *library);
int dlclose (void *library) {
  (void)library;
  return 0;
}

__attribute__((constructor)) static void leave_children_alone (void) {
  unsetenv("LD_PRELOAD");
}
