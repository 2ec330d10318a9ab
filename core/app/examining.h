/* The doctor's examination on request. */
#ifndef BILGE_APP_EXAMINING_H
#define BILGE_APP_EXAMINING_H

#include "core/bilge.h"

struct engines;
struct examining;
struct hub;
struct roots;

struct examining *examining_new(struct hub *hub, struct roots *roots, struct engines *engines);
void examining_free(struct examining *examining);

/* See bilge_examine() and bilge_examine_forget(). */
int examining_ask(struct examining *examining, bilge_examined_cb *on_examined, void *arg,
                  struct err *err);
void examining_forget(struct examining *examining);
/* While closing: one that has not begun goes. */
void examining_cancel(struct examining *examining);

#endif
