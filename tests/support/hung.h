/* A file system that does not answer: whoever makes a call into it waits until it
 * does, or for ever. A real one (FUSE), so no call is forgotten. */
#ifndef BILGE_TESTS_SUPPORT_HUNG_H
#define BILGE_TESTS_SUPPORT_HUNG_H

#include <stdbool.h>

struct hung;

/* To be called first, once in a program, before there are threads: what it mounts is
 * seen by itself and its children alone. False: not allowed here, so the tests are to
 * be skipped. */
bool hung_begin(void);

/* Mounts one on an existing directory. NULL: it can't be had. */
struct hung *hung_mount(const char *directory);
/* From now on it answers. There is one directory in it, "late", which is empty. */
void hung_answer(struct hung *hung);
/* Does not answer any more, until it is told to again. */
void hung_pause(struct hung *hung);
/* It is gone: calls that still wait fail. NULL is fine. */
void hung_free(struct hung *hung);

#endif
