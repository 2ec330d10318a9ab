#include "core/bench/frozen.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/builds/project/compose.h"

/* In a compose file "$" is written "$$". */
static char *escape(const char *text)
{
    struct buf out = {0};
    for (; *text != '\0'; text++) {
        buf_append(&out, text, 1);
        if (*text == '$')
            buf_append(&out, text, 1);
    }
    return buf_take(&out);
}

static void set_text(cJSON *object, const char *name, const char *text)
{
    char *escaped = escape(text);
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    cJSON_AddStringToObject(object, name, escaped);
    free(escaped);
}

/* One cache of the user's, one of ours; the same for export and import. */
static char *own_cache(const struct frozen_spec *spec, const char *path)
{
    char *name = mem_strdup(path);
    for (char *at = name; *at != '\0'; at++)
        if (*at == '/' || *at == '$' || *at == ',' || *at == '"')
            *at = '_';
    char *caches = escape(spec->caches);
    char *own = mem_printf("%s/%s", caches, name);
    free(caches);
    free(name);
    return own;
}

/* An entry as a map. */
static void move_map(const struct frozen_spec *spec, cJSON *entry, const char *key)
{
    const char *path = json_string(entry, key, NULL);
    if (path == NULL)
        return;
    char *own = own_cache(spec, path);
    cJSON_DeleteItemFromObjectCaseSensitive(entry, key);
    cJSON_AddStringToObject(entry, key, own);
    free(own);
}

static void move_entry(const struct frozen_spec *spec, cJSON *entry, const char *key)
{
    char *path = compose_local_path(entry->valuestring, key);
    char *own = path != NULL ? own_cache(spec, path) : NULL;
    char *moved = own != NULL ? compose_replace_path(entry->valuestring, key, own) : NULL;
    if (moved != NULL)
        cJSON_SetValuestring(entry, moved);
    free(moved);
    free(own);
    free(path);
}

static char *type_of(const cJSON *entry)
{
    if (cJSON_IsString(entry))
        return compose_cache_type(entry->valuestring);
    const char *type = json_string(entry, "type", NULL);
    return mem_strdup(type != NULL ? type : "registry");
}

static int move_caches(const struct frozen_spec *spec, cJSON *entries, const char *key,
                       bool exports, struct err *err)
{
    cJSON *entry;
    cJSON_ArrayForEach(entry, entries)
    {
        char *type = type_of(entry);
        bool local = strcmp(type, "local") == 0, harmless = local || strcmp(type, "inline") == 0;
        int code = 0;
        if (exports && !harmless)
            code = err_set(err, ERR_UNSUPPORTED,
                           "%s exports its cache as type=%s, where others read it: a benchmark "
                           "would overwrite it (measure a file with local caches)",
                           spec->service, type);
        free(type);
        if (code < 0)
            return code;
        if (local && cJSON_IsString(entry))
            move_entry(spec, entry, key);
        else if (local)
            move_map(spec, entry, key);
    }
    return 0;
}

/* A Dockerfile in the context is read from the copy. */
static void set_dockerfile(const struct frozen_spec *spec, cJSON *build)
{
    size_t len = strlen(spec->context);
    if (spec->dockerfile == NULL)
        return;
    if (strncmp(spec->dockerfile, spec->context, len) == 0 && spec->dockerfile[len] == '/')
        set_text(build, "dockerfile", spec->dockerfile + len + 1);
    else
        set_text(build, "dockerfile", spec->dockerfile);
}

static int fill_build(const struct frozen_spec *spec, cJSON *build, struct err *err)
{
    set_text(build, "context", spec->copy);
    set_dockerfile(spec, build);
    cJSON_DeleteItemFromObjectCaseSensitive(build, "tags");
    int code = move_caches(spec, cJSON_GetObjectItemCaseSensitive(build, "cache_to"), "dest", true,
                           err);
    if (code == 0)
        code = move_caches(spec, cJSON_GetObjectItemCaseSensitive(build, "cache_from"), "src",
                           false, err);
    return code;
}

static void copy_member(const cJSON *from, cJSON *to, const char *name)
{
    const cJSON *item = json_get(from, name);
    if (item != NULL)
        cJSON_AddItemToObject(to, name, cJSON_Duplicate(item, true));
}

int frozen_make(const struct frozen_spec *spec, char **ret_json, struct err *err)
{
    cJSON *config = cJSON_Parse(spec->config), *root = cJSON_CreateObject();
    const cJSON *services = json_get(config, "services");
    const cJSON *service = json_get(services, spec->service);
    const cJSON *build = json_get(service, "build");
    int code = 0;
    if (!cJSON_IsObject(build)) {
        code = err_set(err, ERR_FORMAT, "what docker compose config printed has no build of %s",
                       spec->service);
    } else {
        copy_member(config, root, "name");
        copy_member(config, root, "secrets");
        cJSON *own = cJSON_AddObjectToObject(cJSON_AddObjectToObject(root, "services"),
                                             spec->service);
        cJSON_AddStringToObject(own, "image", spec->image);
        copy_member(service, own, "platform");
        copy_member(service, own, "build");
        code = fill_build(spec, cJSON_GetObjectItemCaseSensitive(own, "build"), err);
    }
    if (code == 0) {
        char *text = cJSON_Print(root);
        *ret_json = mem_printf("%s\n", text);
        cJSON_free(text);
    }
    cJSON_Delete(config);
    cJSON_Delete(root);
    return code;
}
