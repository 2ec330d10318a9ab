/* Private to recipe*.c: a Dockerfile that is being read.
 *
 *   dockerfile_lines   instructions ──► recipe.c, which hands each to
 *   recipe_stages  FROM, ARG, ENV: which stages there are, and what is in their variables
 *   recipe_steps   RUN, COPY, ADD, WORKDIR, SHELL: what they leave in the cache */
#ifndef BILGE_BUILD_DOCKERFILE_RECIPE_READER_H
#define BILGE_BUILD_DOCKERFILE_RECIPE_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/build/dockerfile/dockerfile_lines.h"
#include "core/build/dockerfile/recipe.h"
#include "core/build/dockerfile/recipe_vars.h"

#define RECIPE_SHELL "/bin/sh -c"
#define RECIPE_STAGES_MAX 200

struct stage {
    char *name; /* in lower case; NULL: none */
    char *shell;
    struct recipe_vars env, args;
    bool *needs; /* the stages before this one */
    bool needed; /* for the target */
};

struct reader {
    struct recipe *recipe;
    const struct recipe_arg *given;
    size_t given_len;
    struct recipe_vars globals; /* of the ARGs before the first FROM */
    struct stage *stages;
    size_t stages_len;
    size_t *stage_of_step, *stage_of_mount;
    size_t step_stages_cap, mount_stages_cap;
    char escape;
};

/* The one that instructions belong to now; NULL: before the first FROM. */
struct stage *reader_stage(struct reader *reader);
/* With its variables replaced; the caller frees it. */
char *reader_expanded(struct reader *reader, const char *text);
/* What stands in `word` behind that beginning; NULL: it begins otherwise. */
const char *reader_after(const char *word, const char *beginning);
/* As the build was given it; NULL: it was not. */
const char *reader_given_arg(const struct reader *reader, const char *name);
/* The current stage needs what this names: a stage, or (nothing then) an image. */
void reader_need_stage(struct reader *reader, const char *name);
/* The target (NULL: the last stage), and all that it needs. */
void reader_mark_needed(struct reader *reader, const char *target);

/* One for each instruction. */
void reader_from(struct reader *reader, const struct dockerfile_line *line);
void reader_arg(struct reader *reader, const struct dockerfile_line *line);
void reader_env(struct reader *reader, const struct dockerfile_line *line);
void reader_run(struct reader *reader, const struct dockerfile_line *line);
void reader_copy(struct reader *reader, const struct dockerfile_line *line);
void reader_shell(struct reader *reader, const struct dockerfile_line *line);

#endif
