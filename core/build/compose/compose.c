#include "core/build/compose/compose.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/mem.h"

static void free_texts(char **texts, size_t len)
{
    for (size_t i = 0; i < len; i++)
        free(texts[i]);
    free(texts);
}

void compose_project_free(struct compose_project *project)
{
    if (project == NULL)
        return;
    for (size_t i = 0; i < project->services_len; i++) {
        struct compose_service *service = &project->services[i];
        free(service->name);
        free(service->context);
        free(service->dockerfile);
        free(service->dockerfile_inline);
        free(service->target);
        for (size_t j = 0; j < service->args_len; j++) {
            free(service->args[j].name);
            free(service->args[j].value);
        }
        free(service->args);
        recipe_free(service->recipe);
        free_texts(service->cache_to, service->cache_to_len);
        free_texts(service->cache_to_tags, service->cache_to_len);
        free_texts(service->cache_from, service->cache_from_len);
        free_texts(service->cache_from_tags, service->cache_from_len);
        words_done(&service->leads_to);
    }
    free(project->services);
    free(project->name);
    free(project->directory);
    free(project->text);
    free(project);
}

char *compose_dockerfile(const struct compose_service *service)
{
    const char *name = service->dockerfile;
    if (name == NULL)
        return NULL;
    if (name[0] == '/')
        return mem_strdup(name);
    if (service->context == NULL || service->context[0] != '/')
        return NULL;
    return mem_printf("%s/%s", service->context, name);
}

/* ---------------------------------------------------------------- reading */

/* The text of a string, with compose's "$$" made "$" again; NULL: no string. */
static char *text_of(const cJSON *item)
{
    if (!cJSON_IsString(item))
        return NULL;
    char *text = mem_strdup(item->valuestring), *to = text;
    for (const char *from = item->valuestring; *from != '\0'; from++) {
        *to++ = *from;
        from += from[0] == '$' && from[1] == '$';
    }
    *to = '\0';
    return text;
}

static char *member_text(const cJSON *object, const char *name)
{
    return text_of(json_get(object, name));
}

/* The value of `key` of one local entry, given as attributes in a string or as a
 * map. */
static char *entry_value(const cJSON *entry, const char *key)
{
    if (cJSON_IsObject(entry)) {
        const cJSON *type = json_get(entry, "type");
        bool local = cJSON_IsString(type) && strcmp(type->valuestring, "local") == 0;
        return local ? member_text(entry, key) : NULL;
    }
    char *text = text_of(entry);
    char *value = text != NULL ? compose_local_path(text, key) : NULL;
    free(text);
    return value;
}

/* Only "." components, doubled and trailing slashes go: what ".." means
 * depends on symlinks, and the kernel knows. */
static char *absolute_path(const char *directory, const char *path)
{
    char *joined = path[0] == '/' ? mem_strdup(path) : mem_printf("%s/%s", directory, path);
    char *to = joined;
    for (const char *from = joined; *from != '\0';) {
        size_t len = strcspn(from + 1, "/");
        if (len > 0 && !(len == 1 && from[1] == '.')) {
            memmove(to, from, len + 1);
            to += len + 1;
        }
        from += len + 1;
    }
    if (to == joined)
        *to++ = '/';
    *to = '\0';
    return joined;
}

static void read_cache(const cJSON *entries, const char *key, const char *directory,
                       char ***ret_paths, char ***ret_tags, size_t *ret_len)
{
    size_t cap = 0, tags_cap = 0;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, entries)
    {
        char *path = entry_value(entry, key);
        if (path == NULL)
            continue;
        char *tag = entry_value(entry, "tag");
        mem_reserve((void **)ret_paths, &cap, *ret_len + 1, sizeof **ret_paths);
        mem_reserve((void **)ret_tags, &tags_cap, *ret_len + 1, sizeof **ret_tags);
        (*ret_tags)[*ret_len] = tag != NULL ? tag : mem_strdup(COMPOSE_DEFAULT_TAG);
        (*ret_paths)[(*ret_len)++] = absolute_path(directory, path);
        free(path);
    }
}

/* A map; the list form is one, too, by the time that compose prints it. */
static void read_args(const cJSON *args, struct compose_service *service)
{
    size_t cap = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, args)
    {
        char *value = text_of(item);
        if (value == NULL || item->string == NULL) {
            free(value);
            continue;
        }
        mem_reserve((void **)&service->args, &cap, service->args_len + 1, sizeof *service->args);
        service->args[service->args_len++] = (struct recipe_arg){mem_strdup(item->string), value};
    }
}

static void read_service(const cJSON *item, const cJSON *build, const char *directory,
                         struct compose_service *service)
{
    service->name = mem_strdup(item->string);
    service->context = member_text(build, "context");
    service->target = member_text(build, "target");
    service->dockerfile = member_text(build, "dockerfile");
    service->dockerfile_inline = member_text(build, "dockerfile_inline");
    read_args(json_get(build, "args"), service);
    read_cache(json_get(build, "cache_to"), "dest", directory,
               &service->cache_to, &service->cache_to_tags, &service->cache_to_len);
    read_cache(json_get(build, "cache_from"), "src", directory,
               &service->cache_from, &service->cache_from_tags, &service->cache_from_len);
}

static int compare_services(const void *a, const void *b)
{
    const struct compose_service *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static void read_services(const cJSON *services, struct compose_project *project)
{
    size_t cap = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, services)
    {
        const cJSON *build = json_get(item, "build");
        if (!cJSON_IsObject(build)) {
            project->services_without_build++;
            continue;
        }
        mem_reserve((void **)&project->services, &cap, project->services_len + 1,
                    sizeof *project->services);
        struct compose_service *service = &project->services[project->services_len++];
        *service = (struct compose_service){0};
        read_service(item, build, project->directory, service);
    }
    if (project->services_len > 1)
        qsort(project->services, project->services_len, sizeof *project->services,
              compare_services);
}

int compose_parse(const char *json, size_t len, const char *directory,
                  struct compose_project **ret_project, struct err *err)
{
    cJSON *root = cJSON_ParseWithLength(json, len);
    const cJSON *services = json_get(root, "services");
    if (!cJSON_IsObject(root) || (services != NULL && !cJSON_IsObject(services))) {
        cJSON_Delete(root);
        return err_set(err, ERR_FORMAT, "what docker compose config printed is not its JSON");
    }
    struct compose_project *project = mem_zalloc(sizeof *project);
    project->name = member_text(root, "name");
    if (project->name == NULL)
        project->name = mem_strdup("");
    project->directory = mem_strdup(directory);
    project->text = mem_strndup(json, len);
    read_services(services, project);
    cJSON_Delete(root);
    *ret_project = project;
    return 0;
}
