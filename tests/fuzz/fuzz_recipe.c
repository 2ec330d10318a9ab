#include <stdint.h>

#include "core/builds/project/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct recipe_arg args[] = {{(char *)"A", (char *)"a"}};
    struct recipe *recipe;
    struct err err;
    if (recipe_parse((const char *)data, size, "a", args, 1, &recipe, &err) == 0)
        recipe_free(recipe);
    return 0;
}
