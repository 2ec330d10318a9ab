/* A copy of the project's compose files without local caches, for tools that
 * do not know them (docker-compose 1) and builders that can't export them: all
 * else is built as it is. The copies lie in a directory of their own; compose
 * is told where the project is. */
#ifndef BILGE_BUILDS_PROJECT_PLAIN_COMPOSE_H
#define BILGE_BUILDS_PROJECT_PLAIN_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/base/mem.h"

/* Pure, line by line, for YAML in block style: leaves out cache_to, and of
 * cache_from the local caches; and, for version 1, the project's name, which
 * is given (the caller frees it; NULL: none told). False when there is a
 * cache_to left that stands in a way that can't be left out. */
bool bare_text(const char *text, size_t len, bool version_1, struct buf *ret_text, char **ret_name);

struct bare {
    char *directory; /* of the copies; NULL: there are none */
    char *project;   /* directory of the project */
    char *name;      /* of the project; NULL: not told */
    char **files;    /* the copies, in their order */
    size_t files_len;
};

/* `file` NULL: what COMPOSE_FILE names, else compose's own search from
 * `directory` (NULL: ours) upwards, with its override file. 0 and an empty
 * `bare` when no file holds a local cache, or none is found. ERR_UNSUPPORTED
 * when one can't be left out. */
int bare_make(const char *file, const char *directory, bool version_1, struct bare *ret_bare,
              struct err *err);
/* Removes the copies. */
void bare_done(struct bare *bare);

#endif
