#ifndef BILGE_APP_DISKS_H
#define BILGE_APP_DISKS_H

#include <stdint.h>

#include "core/store/store.h"

struct spots;

/* The disks that the store knows. */
struct spots *spots_new(const struct store *store);
/* And the one below this path; NULL is fine. */
void spots_add(struct spots *spots, const char *path);
void spots_free(struct spots *spots);

/* On the pool: writes down what is free on them, as of `at`. */
void spots_note(const struct spots *spots, struct history *history, int64_t at);

#endif
