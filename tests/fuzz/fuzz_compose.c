#include <stdint.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/builds/project/compose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The project's JSON, and the same bytes as an entry of cache_to. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct compose_project *project;
    struct err err;
    char *entry = mem_strndup((const char *)data, size);
    free(compose_local_path(entry, "dest"));
    if (compose_parse((const char *)data, size, "/project", &project, &err) == 0)
        compose_project_free(project);
    free(entry);
    return 0;
}
