#include <dirent.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/engine/builders.h"
#include "core/engine/endpoint.h"

static bool has_entries(const char *directory)
{
    DIR *dir = opendir(directory);
    bool found = false;
    if (dir == NULL)
        return false;
    for (struct dirent *entry = readdir(dir); entry != NULL && !found; entry = readdir(dir))
        found = entry->d_name[0] != '.';
    closedir(dir);
    return found;
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
