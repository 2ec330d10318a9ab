/* What is foreseen: gathered from the store, read on the pool, put into the store. */
#ifndef BILGE_APP_OUTLOOK_H
#define BILGE_APP_OUTLOOK_H

#include <stdint.h>

#include "core/store/store.h"

struct history;
struct outlook;

struct outlook *outlook_new(const struct store *store);
void outlook_read(struct outlook *outlook, struct history *history, int64_t now);
void outlook_put(struct outlook *outlook, struct store *store);
void outlook_free(struct outlook *outlook);
/* The name of the samples of free bytes: by where the file system is mounted
 * (NULL: not known), else by the path. The caller frees it. */
char *outlook_disk_series(const char *mount, const char *path);

#endif
