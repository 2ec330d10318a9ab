/* What a Dockerfile will leave in the build cache: the steps as BuildKit's
 * records describe them, and the cache mounts by their ids. Read to tell whose a
 * record is, not to build: what is wrong in a Dockerfile is BuildKit's to say,
 * and what can't be known here (the environment of a base image) may be
 * anything.
 *
 * Sources: moby/buildkit frontend/dockerfile/parser, …/instructions and
 * …/dockerfile2llb; held against records of Docker Engine 26.1. */
#ifndef BILGE_BUILDS_PROJECT_RECIPE_H
#define BILGE_BUILDS_PROJECT_RECIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

#define RECIPE_BYTES_MAX (1024 * 1024)
#define RECIPE_STEPS_MAX 2000

/* In texts: here may stand whatever, also nothing. */
#define RECIPE_ANY '\001'

struct recipe_arg {
    char *name, *value;
};

/* What a record is described by: of a RUN its words before the expansion of
 * variables, "mount / from exec /bin/sh -c make"; of others after it and
 * without what stands in brackets, "COPY src /app". */
struct recipe_step {
    char *stage; /* "builder", "stage-0" */
    char *description;
    bool run;
};

struct recipe_mount {
    char *id;     /* as the record has it: "/target", "//app/target" without an id= */
    char *target; /* the directory that it is mounted on, as it is written */
};

struct recipe {
    struct recipe_step *steps; /* of the stages that the target needs */
    size_t steps_len, steps_cap;
    struct recipe_mount *mounts;
    size_t mounts_len, mounts_cap;
};

/* `target`: a stage; NULL: the last one. `args`: those of the build. ERR_LIMIT
 * past the caps above. Pure; any thread. */
int recipe_parse(const char *text, size_t len, const char *target, const struct recipe_arg *args,
                 size_t args_len, struct recipe **ret_recipe, struct err *err);
void recipe_free(struct recipe *recipe);

/* Reads the file and parses it. Blocks: on the pool. */
int recipe_read(const char *path, const char *target, const struct recipe_arg *args,
                size_t args_len, struct recipe **ret_recipe, struct err *err);

#endif
