/* The doctor's examination on request. */
#ifndef BILGE_APP_EXAMINING_H
#define BILGE_APP_EXAMINING_H

#include "core/bilge.h"

struct examining;
struct hub;
struct roots;

struct examining *examining_new(struct hub *hub, struct roots *roots);
void examining_free(struct examining *examining);

/* See bilge_examine() and bilge_examine_forget(). */
int examining_ask(struct examining *examining, bilge_examined_cb *on_examined, void *arg,
                  struct err *err);
void examining_forget(struct examining *examining);

#endif
