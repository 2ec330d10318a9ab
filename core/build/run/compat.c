#include "core/build/run/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/build/compose/compose.h"

#define LOW_DISK_BYTES (INT64_C(2) * 1000 * 1000 * 1000)

/* ------------------------------------------------------------------- facts */

/* "DriverStatus": [["driver-type","io.containerd.snapshotter.v1"]]: only with
 * containerd's image store can the engine's own builder export a local cache. */
static enum compat_answer read_exports(const cJSON *info)
{
    const cJSON *status = json_get(info, "DriverStatus"), *pair;
    if (!cJSON_IsArray(status))
        return COMPAT_UNKNOWN;
    cJSON_ArrayForEach(pair, status)
    {
        const char *value = cJSON_GetStringValue(cJSON_GetArrayItem(pair, 1));
        if (value != NULL && strncmp(value, "io.containerd.", 14) == 0)
            return COMPAT_YES;
    }
    return COMPAT_NO;
}

static void read_plugins(struct compat_facts *facts, const cJSON *info)
{
    const cJSON *client = json_get(info, "ClientInfo");
    const cJSON *plugins = json_get(client, "Plugins"), *plugin;
    facts->told_plugins = cJSON_IsArray(plugins);
    cJSON_ArrayForEach(plugin, plugins)
    {
        const char *version = json_string(plugin, "Version", "");
        if (strcmp(json_string(plugin, "Name", ""), "buildx") == 0)
            snprintf(facts->buildx, sizeof facts->buildx, "%s",
                     version[0] != '\0' ? version : "unknown");
    }
}

void compat_read_info(struct compat_facts *facts, const char *json, size_t len)
{
    cJSON *info = cJSON_ParseWithLength(json, len);
    const cJSON *option;
    if (!cJSON_IsObject(info)) {
        cJSON_Delete(info);
        return;
    }
    read_plugins(facts, info);
    snprintf(facts->engine, sizeof facts->engine, "%s", json_string(info, "ServerVersion", ""));
    if (facts->engine[0] != '\0')
        facts->exports = read_exports(info);
    cJSON_ArrayForEach(option, json_get(info, "SecurityOptions"))
    {
        const char *text = cJSON_GetStringValue(option);
        facts->rootless |= text != NULL && strcmp(text, "name=rootless") == 0;
    }
    cJSON_Delete(info);
}

/* ------------------------------------------------------------------ choice */

static bool cant_export(const struct compat_facts *facts, const struct compat_wish *wish)
{
    return wish->wants_caches && facts->exports == COMPAT_NO && !facts->other_builder;
}

bool compat_wants_bare(const struct tool *tool, const struct compat_facts *facts,
                       const struct compat_wish *wish)
{
    return wish->original == NULL && (tool->major == 1 || cant_export(facts, wish));
}

/* Why the optimised way is closed; NULL: it is open. */
static const char *obstacle(const struct tool *tool, const struct compat_facts *facts,
                            const struct compat_wish *wish)
{
    int engine_major = atoi(facts->engine);
    if (wish->traditional)
        return "asked for";
    if (wish->switched_off)
        return "DOCKER_BUILDKIT=0 is set";
    if (engine_major > 0 && engine_major < 18)
        return "this engine has no BuildKit";
    if (tool->major == 1 && wish->original != NULL)
        return "docker-compose 1 knows no cache_to";
    /* Version 1 leaves the build to docker, which needs buildx for BuildKit
     * since 23.0; version 2 brings its own. */
    if (tool->major == 1 && engine_major >= 23 && facts->told_plugins && facts->buildx[0] == '\0')
        return "docker has no buildx";
    if (cant_export(facts, wish) && !wish->bare)
        return "this builder can't export local caches (no containerd image store)";
    return NULL;
}

static void add_notes(struct buf *line, const struct compat_facts *facts)
{
    char size[TEXT_SIZE_SIZE];
    if (facts->rootless)
        buf_append_str(line, "; rootless");
    if (facts->wsl1)
        buf_append_str(line, "; WSL 1: caches on Windows' own disks are slow");
    if (facts->free_bytes >= 0 && facts->free_bytes < LOW_DISK_BYTES)
        buf_printf(line, "; low disk: %s free, see bilge prune",
                   text_size(size, facts->free_bytes));
}

struct compat_choice compat_choose(const struct tool *tool, const struct compat_facts *facts,
                                   const struct compat_wish *wish)
{
    const char *reason = obstacle(tool, facts, wish);
    struct compat_choice choice = {.traditional = reason != NULL, .bare = wish->bare};
    struct buf line = {0};
    if (reason == NULL && wish->bare)
        buf_printf(&line, "optimised build (BuildKit), without local caches: %s; ",
                   tool->major == 1 ? "docker-compose 1 knows no cache_to"
                                    : "this builder can't export them (no containerd image store)");
    else if (reason == NULL)
        buf_append_str(&line, "optimised build (BuildKit): ");
    else if (wish->original != NULL)
        buf_printf(&line, "traditional build (DOCKER_BUILDKIT=0, %s): %s; ", wish->original,
                   reason);
    else
        buf_printf(&line, "traditional build (DOCKER_BUILDKIT=0): %s; ", reason);
    if (facts->engine[0] != '\0')
        buf_printf(&line, "docker %s%s%s%s, ", facts->engine, facts->api[0] != '\0' ? " (API " : "",
                   facts->api, facts->api[0] != '\0' ? ")" : "");
    buf_printf(&line, "compose %s",
               tool->version[0] != '\0' ? tool->version : "of unknown version");
    if (facts->buildx[0] != '\0')
        buf_printf(&line, ", buildx %s", facts->buildx);
    add_notes(&line, facts);
    choice.why = buf_take(&line);
    return choice;
}

/* "a/docker-compose.test.yml" for "a/docker-compose.test-local.yml",
 * "a/compose.original.yml" for "a/compose.yml". */
static char *original_of(const char *compose_file)
{
    static const char mark[] = "-local.";
    const char *slash = strrchr(compose_file, '/');
    const char *name = slash != NULL ? slash + 1 : compose_file;
    const char *local = strstr(name, mark), *dot = strrchr(name, '.');
    if (local != NULL)
        return mem_printf("%.*s%s", (int)(local - compose_file), compose_file,
                          local + sizeof mark - 2);
    if (dot == NULL || dot == name)
        return NULL;
    return mem_printf("%.*s.original%s", (int)(dot - compose_file), compose_file, dot);
}

/* What COMPOSE_FILE names, or compose finds by itself, when it is one file. */
static char *found_file(const char *directory)
{
    const char *named = getenv("COMPOSE_FILE");
    if (named != NULL && named[0] != '\0')
        return strchr(named, ':') == NULL ? mem_strdup(named) : NULL;
    struct strlist paths = compose_files(NULL, directory, false);
    char *path = paths.len == 1 ? mem_strdup(paths.items[0]) : NULL;
    strlist_done(&paths);
    return path;
}

char *compat_original_file(const char *compose_file, const char *directory)
{
    char *found = compose_file == NULL ? found_file(directory) : NULL;
    if (found != NULL)
        compose_file = found;
    char *original = compose_file != NULL ? original_of(compose_file) : NULL;
    free(found);
    if (original == NULL)
        return NULL;
    char *path = original[0] == '/' || directory == NULL
                     ? mem_strdup(original)
                     : mem_printf("%s/%s", directory, original);
    if (access(path, R_OK) < 0) {
        free(original);
        original = NULL;
    }
    free(path);
    return original;
}
