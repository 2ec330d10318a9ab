/* Private to core/build/dockerfile: the variables of a Dockerfile's stage. */
#ifndef BILGE_BUILD_DOCKERFILE_RECIPE_VARS_H
#define BILGE_BUILD_DOCKERFILE_RECIPE_VARS_H

#include <stdbool.h>
#include <stddef.h>

struct recipe_var {
    char *name, *value; /* RECIPE_ANY: not known */
};

struct recipe_vars {
    struct recipe_var *items;
    size_t len, cap;
};

/* NULL when there is none of this name. */
const char *recipe_vars_get(const struct recipe_vars *vars, const char *name);
void recipe_vars_set(struct recipe_vars *vars, const char *name, const char *value);
void recipe_vars_copy(struct recipe_vars *vars, const struct recipe_vars *from);
void recipe_vars_done(struct recipe_vars *vars);

/* $NAME, ${NAME}, ${NAME:-word} and its like put in; what is in neither list is
 * RECIPE_ANY, since it may come from the base image. The first list goes
 * before the second. Quotes stay. The caller frees it. */
char *recipe_expand(const char *text, char escape, const struct recipe_vars *env,
                        const struct recipe_vars *args);

#endif
