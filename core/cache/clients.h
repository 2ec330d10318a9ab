/* Tells from a command line whether it is a client that builds. */
#ifndef BILGE_CACHE_CLIENTS_H
#define BILGE_CACHE_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>

/* `args`: what /proc/<pid>/cmdline holds, words that each end in NUL. */
bool client_builds(const char *args, size_t len);

/* The command line as one clean line, cut to fit a message. The caller frees it. */
char *client_text(const char *args, size_t len);

#endif
