#include <stdlib.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/engine/builders.h"
#include "core/engine/endpoint.h"

static int is_shown(void *arg, const char *name, enum fs_type type)
{
    (void)arg;
    (void)type;
    return name[0] != '.';
}

static bool has_entries(const char *directory)
{
    return fs_each_path(directory, is_shown, NULL, NULL) > 0;
}

/* Source: docker/buildx store/store.go (instances), util/confutil (BUILDX_CONFIG);
 * every docker context is a builder, too. */
bool builders_in_sight(void)
{
    const char *named = getenv("BUILDX_BUILDER"), *set = getenv("BUILDX_CONFIG");
    if (named != NULL && named[0] != '\0')
        return true;
    char *config = endpoint_config_dir();
    char *instances = set != NULL && set[0] != '\0' ? mem_printf("%s/instances", set)
                                                    : mem_printf("%s/buildx/instances", config);
    char *contexts = mem_printf("%s/contexts/meta", config);
    bool found = has_entries(instances) || has_entries(contexts);
    free(config);
    free(instances);
    free(contexts);
    return found;
}
