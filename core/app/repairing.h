/* Care for caches on request: verify and repair, restore, dedupe. */
#ifndef BILGE_APP_REPAIRING_H
#define BILGE_APP_REPAIRING_H

#include "core/bilge.h"

struct builds;
struct engines;
struct hub;
struct lanes;
struct repairing;
struct roots;
struct scanning;

struct repairing *repairing_new(struct hub *hub, struct lanes *lanes, struct roots *roots,
                                struct scanning *scanning, struct engines *engines,
                                struct builds *builds);
void repairing_close(struct repairing *repairing);
void repairing_free(struct repairing *repairing);

/* See bilge_verify(), bilge_restore(), bilge_dedupe() and bilge_care_cancel(). */
int repairing_verify(struct repairing *repairing, const char *const *service_ids, size_t len,
                     bool repair, const struct bilge_care_ops *ops, void *arg, struct err *err);
int repairing_restore(struct repairing *repairing, const char *service_id,
                      const struct digest *generation, const struct bilge_care_ops *ops, void *arg,
                      struct err *err);
int repairing_dedupe(struct repairing *repairing, const char *const *service_ids, size_t len,
                     const struct dedupe_plan *plan, bool across_users,
                     const struct bilge_care_ops *ops, void *arg, struct err *err);
void repairing_cancel(struct repairing *repairing);

/* Now and then while it runs: one that hangs is not waited for any more. */
void repairing_look(struct repairing *repairing);

#endif
