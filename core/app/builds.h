/* Builds that wait and run. */
#ifndef BILGE_APP_BUILDS_H
#define BILGE_APP_BUILDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/bilge.h"

struct builds;
struct hub;
struct recorder;

struct builds_ops {
    /* One runs from here on. */
    void (*on_begun)(void *arg);
    /* One that waited does not any more. */
    void (*on_withdrawn)(void *arg);
    /* One is over. Not while closing. */
    void (*on_over)(void *arg, const struct build *build);
};

/* Takes away what a killed run has left. */
struct builds *builds_new(struct hub *hub, struct recorder *recorder,
                          const struct bilge_options *options, const struct builds_ops *ops,
                          void *arg);
/* None begins from here on, until it is taken back: a removal would take them for
 * somebody else's. */
void builds_hold(struct builds *builds, bool hold);
void builds_stop_all(struct builds *builds);
void builds_free(struct builds *builds);

/* See bilge_build(), bilge_build_again() and bilge_build_stop(). */
int builds_ask(struct builds *builds, const char *const *services, size_t services_len,
               const struct bilge_build_options *options, uint64_t *ret_build_id, struct err *err);
int builds_ask_again(struct builds *builds, uint64_t build_id, uint64_t *ret_build_id,
                     struct err *err);
void builds_stop(struct builds *builds, uint64_t build_id);

/* Does one run? Does one wait? */
bool builds_run(const struct builds *builds);
bool builds_wait(const struct builds *builds);
/* Sessions of our running builds, 0-ended; the caller frees it. */
pid_t *builds_sessions(const struct builds *builds);
/* Does one of those that run build the service? */
bool builds_concern(const struct builds *builds, const char *service);

#endif
