#include "bench/frozen.h"

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

/* "type=registry,ref=...": a bare reference is one of a registry. */
static int refuse(const struct frozen_spec *spec, const char *entry, struct err *err)
{
    const char *type = entry != NULL ? strstr(entry, "type=") : NULL;
    type = type != NULL ? type + strlen("type=") : "registry";
    return err_set(err, ERR_UNSUPPORTED,
                   "%s exports its cache as type=%.*s, where others read it: a benchmark would "
                   "overwrite it (measure a file with local caches)",
                   spec->service, (int)strcspn(type, ",\""), type);
}

/* "type=local,KEY=PATH,mode=max": with another path. */
static int move_entry(const struct frozen_spec *spec, cJSON *entry, const char *key,
                      const char *path, struct err *err)
{
    char *field = mem_printf("%s=%s", key, path), *own = own_cache(spec, path);
    const char *text = entry->valuestring, *at = strstr(text, field);
    if (at != NULL) {
        char *moved =
            mem_printf("%.*s%s=%s%s", (int)(at - text), text, key, own, at + strlen(field));
        cJSON_SetValuestring(entry, moved);
        free(moved);
    }
    free(own);
    free(field);
    return at != NULL ? 0
                      : err_set(err, ERR_UNSUPPORTED, "%s: the path in %s can't be changed",
                                spec->service, text);
}

static int move_caches(const struct frozen_spec *spec, cJSON *entries, const char *key,
                       struct err *err)
{
    bool exports = strcmp(key, "dest") == 0;
    cJSON *entry;
    int code = 0;
    cJSON_ArrayForEach(entry, entries)
    {
        const char *text = cJSON_GetStringValue(entry);
        char *path = text != NULL ? compose_local_path(text, key) : NULL;
        if (path != NULL)
            code = move_entry(spec, entry, key, path, err);
        else if (exports && (text == NULL || strcmp(text, "type=inline") != 0))
            code = refuse(spec, text, err);
        free(path);
        if (code < 0)
            break;
    }
    return code;
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
    int code = move_caches(spec, cJSON_GetObjectItemCaseSensitive(build, "cache_to"), "dest", err);
    if (code == 0)
        code = move_caches(spec, cJSON_GetObjectItemCaseSensitive(build, "cache_from"), "src", err);
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
        cJSON *own =
            cJSON_AddObjectToObject(cJSON_AddObjectToObject(root, "services"), spec->service);
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
