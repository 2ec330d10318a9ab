/* A whole cache directory that was renamed aside and is to stay after all. */
#ifndef BILGE_CACHE_AWAY_H
#define BILGE_CACHE_AWAY_H

#include "core/base/err.h"

/* Gives the directory `away` in the root, open as cache_fd, the name that it had. An
 * exporter makes the directory anew when it misses it: then what the old one holds
 * is given into the new one, unless that has it too, blobs first and index.json
 * last; the rest of the old one is double, and goes. An error when something of it
 * is left where it was: nothing is lost then, and recovery tries again; ERR_BUSY when
 * another bilge works in the new one. */
int away_give_back(int root_fd, const char *away, int cache_fd, const char *name, struct err *err);

#endif
