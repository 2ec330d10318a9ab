#include "core/builds/project/compose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/path.h"
#include "core/base/process.h"
#include "core/base/strlist.h"

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
        strlist_done(&service->leads_to);
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
    read_cache(json_get(build, "cache_to"), "dest", directory, &service->cache_to,
               &service->cache_to_tags, &service->cache_to_len);
    read_cache(json_get(build, "cache_from"), "src", directory, &service->cache_from,
               &service->cache_from_tags, &service->cache_from_len);
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

/* One entry of cache_to or cache_from, as buildx reads and writes it. */

/* The next field of a CSV record, as Go's encoding/csv reads it: a field that
 * begins with a quote goes to the closing one, and "" stands for a quote. */
static const char *next_field(const char *at, struct buf *field)
{
    buf_clear(field);
    if (*at != '"') {
        size_t len = strcspn(at, ",");
        buf_append(field, at, len);
        at += len;
    } else {
        for (at++; *at != '\0'; at++) {
            if (*at == '"' && *++at != '"')
                break;
            buf_append(field, at, 1);
        }
        at += strcspn(at, ",");
    }
    return *at == ',' ? at + 1 : NULL;
}

/* Is the part before '=' this key? buildx trims and lower-cases it. */
static const char *value_of(const char *field, const char *key)
{
    const char *equals = strchr(field, '=');
    if (equals == NULL)
        return NULL;
    const char *end = equals;
    while (*field == ' ')
        field++;
    while (end > field && end[-1] == ' ')
        end--;
    size_t len = strlen(key);
    return (size_t)(end - field) == len && strncasecmp(field, key, len) == 0 ? equals + 1 : NULL;
}

char *compose_local_path(const char *entry, const char *key)
{
    struct buf field = {0};
    bool local = false;
    char *path = NULL;
    for (const char *at = entry; at != NULL;) {
        at = next_field(at, &field);
        buf_append(&field, "", 0);
        const char *type = value_of(field.data, "type");
        const char *value = value_of(field.data, key);
        if (type != NULL)
            local = strcmp(type, "local") == 0;
        if (value != NULL && *value != '\0')
            mem_replace(&path, value);
    }
    buf_done(&field);
    if (local)
        return path;
    free(path);
    return NULL;
}

#define ENV_MAX_BYTES (1 << 20)

/* compose-spec: the names that compose looks for; an override file alone is
 * not enough. */
static bool holds_compose_file(const char *directory)
{
    static const char *const names[] = {"compose.yaml", "compose.yml", "docker-compose.yaml",
                                        "docker-compose.yml"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !found; i++) {
        char *path = mem_printf("%s/%s", directory, names[i]);
        found = access(path, F_OK) == 0;
        free(path);
    }
    return found;
}

static bool env_names_a_file(const char *directory)
{
    struct buf text = {0};
    int fd;
    if (fs_open_root(directory, &fd, NULL) < 0)
        return false;
    /* One that is too large, or a link, is compose's to read. */
    int code = fs_read_file(fd, ".env", ENV_MAX_BYTES, &text, NULL);
    bool named = code == 0 ? strstr(text.data, "COMPOSE_FILE") != NULL
                           : code == ERR_LIMIT || code == ERR_FOREIGN;
    buf_done(&text);
    close(fd);
    return named;
}

bool compose_in_sight(const char *directory)
{
    const char *named = getenv("COMPOSE_FILE");
    if ((named != NULL && named[0] != '\0') || env_names_a_file(directory))
        return true;
    char *path = mem_strdup(directory);
    bool found = holds_compose_file(path);
    for (char *slash = strrchr(path, '/'); !found && slash != NULL; slash = strrchr(path, '/')) {
        *slash = '\0';
        found = holds_compose_file(path);
    }
    free(path);
    return found;
}

/* ----------------------------------------------------------- the files by name
 *
 * The two versions look for the same names in another order. */

static const char *const names_1[] = {"docker-compose.yml", "docker-compose.yaml", "compose.yml",
                                      "compose.yaml"};
static const char *const names_2[] = {"compose.yaml", "compose.yml", "docker-compose.yml",
                                      "docker-compose.yaml"};
#define NAMES_LEN (sizeof names_1 / sizeof names_1[0])

static bool add_if_there(struct strlist *paths, const char *directory, const char *name)
{
    char *path = mem_printf("%s/%s", directory, name);
    bool there = access(path, R_OK) == 0;
    if (there)
        strlist_add(paths, path);
    free(path);
    return there;
}

/* "compose.override.yml" beside "compose.yml", of either ending. */
static void add_override(struct strlist *paths, const char *directory, const char *name)
{
    static const char *const endings[] = {"yml", "yaml"};
    bool found = false;
    for (size_t i = 0; i < 2 && !found; i++) {
        char *other = mem_printf("%.*s.override.%s", (int)strcspn(name, "."), name, endings[i]);
        found = add_if_there(paths, directory, other);
        free(other);
    }
}

static bool add_found(struct strlist *paths, const char *directory, bool version_1)
{
    const char *const *names = version_1 ? names_1 : names_2;
    for (size_t i = 0; i < NAMES_LEN; i++) {
        if (!add_if_there(paths, directory, names[i]))
            continue;
        add_override(paths, directory, names[i]);
        return true;
    }
    return false;
}

static void add_named(struct strlist *paths, const char *directory, const char *names)
{
    while (*names != '\0') {
        size_t len = strcspn(names, ":");
        char *path = names[0] == '/' ? mem_strndup(names, len)
                                     : mem_printf("%s/%.*s", directory, (int)len, names);
        if (len > 0)
            strlist_add(paths, path);
        free(path);
        names += len + (names[len] == ':');
    }
}

struct strlist compose_files(const char *file, const char *directory, bool version_1)
{
    struct strlist paths = {0};
    const char *named = getenv("COMPOSE_FILE");
    char *here = directory != NULL ? mem_strdup(directory) : getcwd(NULL, 0);
    if (here == NULL)
        return paths;
    if (file != NULL) {
        char *path = file[0] == '/' ? mem_strdup(file) : mem_printf("%s/%s", here, file);
        strlist_add(&paths, path);
        free(path);
    } else if (named != NULL && named[0] != '\0') {
        add_named(&paths, here, named);
    } else if (!env_names_a_file(here)) {
        bool found = add_found(&paths, here, version_1);
        for (char *slash = strrchr(here, '/'); !found && slash != NULL;
             slash = strrchr(here, '/')) {
            *slash = '\0';
            found = add_found(&paths, here, version_1);
        }
    }
    free(here);
    return paths;
}

#define OUTPUT_MAX_BYTES (32 * 1024 * 1024)
#define DEADLINE_MS 30000

struct compose_load {
    uv_loop_t *loop;
    char *file; /* NULL: compose's own search */
    char *directory;
    compose_done_cb *on_done;
    void *arg;
    struct process_capture *capture;
    bool standalone; /* docker-compose is asked now */
};

static void load_free(struct compose_load *load)
{
    free(load->file);
    free(load->directory);
    free(load);
}

static void finish(struct compose_load *load, struct compose_project *project,
                   const struct err *err)
{
    load->on_done(load->arg, project, err);
    load_free(load);
}

/* ------------------------------------------------------------ what it said */

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* What a docker without the plugin says to "docker compose --profile … ". */
static bool is_plugin_missing(const struct process_result *result)
{
    static const char *const signs[] = {"'compose' is not a docker command",
                                        "unknown command: docker compose", "unknown flag: --",
                                        "unknown shorthand flag:"};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (strstr(result->err.data, signs[i]) != NULL)
            return true;
    return false;
}

/* The last line that is no warning; it tells the reason. */
static char *last_words(const char *text)
{
    char *found = NULL;
    while (*text != '\0') {
        size_t len = strcspn(text, "\r\n");
        bool told = len > 0 && !starts_with(text, "time=\"") && !starts_with(text, "WARN");
        if (told) {
            free(found);
            found = mem_strndup(text, len);
        }
        text += len;
        text += strspn(text, "\r\n");
    }
    return found;
}

static int no_compose_file(const char *directory, struct err *err)
{
    return err_set(err, -ENOENT, "no compose file in %s or above it", directory);
}

/* compose's words in ours, where theirs leave the reader alone. */
static void explain(const struct compose_load *load, const struct process_result *result,
                    struct err *err)
{
    char *words = last_words(result->err.data);
    const char *tool = load->standalone ? "docker-compose" : "docker compose";
    if (words == NULL)
        err_set(err, ERR_PEER, "%s config ended with status %d", tool, result->status);
    else if (starts_with(words, "no configuration file provided"))
        no_compose_file(load->directory, err);
    else if (starts_with(words, "empty compose file"))
        err_set(err, ERR_PEER, "the compose file in %s is empty", load->directory);
    else
        err_set(err, ERR_PEER, "%s: %s", tool, words);
    free(words);
}

/* docker-compose 1 knows no JSON: its usage text (with status 0), or a
 * complaint about cache_to, is all that comes. */
static bool is_version_1(const struct process_result *result)
{
    return strstr(result->err.data, "Usage: config") != NULL ||
           strstr(result->out.data, "Usage: config") != NULL ||
           strstr(result->err.data, "Define and run multi-container applications") != NULL ||
           strstr(result->err.data, "unsupported option: 'cache_to'") != NULL;
}

/* ------------------------------------------------------------------- asking */

static int ask(struct compose_load *load, struct err *err);

static void on_config(void *arg, const struct process_result *result, const struct err *err)
{
    struct compose_load *load = arg;
    struct compose_project *project = NULL;
    struct err reason;
    if (err != NULL) {
        err_set(&reason, err->code, "docker compose config: %s", err->text);
    } else if (load->standalone && is_version_1(result)) {
        err_set(&reason, ERR_UNSUPPORTED,
                "docker-compose is version 1: it builds, but it does not tell the project as "
                "JSON, and it knows no cache_to (install docker-compose version 2)");
    } else if (result->status == 0) {
        if (compose_parse(result->out.data, result->out.len, load->directory, &project, &reason) ==
            0) {
            finish(load, project, NULL);
            return;
        }
    } else if (!load->standalone && is_plugin_missing(result)) {
        load->standalone = true;
        if (ask(load, NULL) == 0)
            return;
        err_set(&reason, ERR_UNSUPPORTED,
                "docker has no compose plugin: the project is not readable, and nothing can be "
                "built (install docker-compose version 2)");
    } else {
        explain(load, result, &reason);
    }
    finish(load, NULL, &reason);
}

/* Services of all profiles: a cache of one that is switched off now is no
 * stranger. */
static int ask(struct compose_load *load, struct err *err)
{
    const char *argv[12];
    size_t len = 0;
    if (load->standalone) {
        argv[len++] = "docker-compose";
    } else {
        argv[len++] = "docker";
        argv[len++] = "compose";
    }
    if (load->file != NULL) {
        argv[len++] = "-f";
        argv[len++] = load->file;
    }
    argv[len++] = "--profile";
    argv[len++] = "*";
    argv[len++] = "config";
    argv[len++] = "--format";
    argv[len++] = "json";
    argv[len] = NULL;
    const char *const environment[] = {"COMPOSE_ANSI=never", "COMPOSE_PROGRESS=plain", NULL};
    struct process_spec spec = {
        .argv = argv,
        .environment = environment,
        .directory = load->directory,
        .deadline_ms = DEADLINE_MS,
    };
    return process_capture(load->loop, &spec, OUTPUT_MAX_BYTES, on_config, load, &load->capture,
                           err);
}

static char *absolute_directory(const char *directory)
{
    if (directory != NULL && directory[0] == '/')
        return mem_strdup(directory);
    char *here = getcwd(NULL, 0);
    char *path = directory == NULL ? mem_strdup(here != NULL ? here : "/")
                                   : mem_printf("%s/%s", here != NULL ? here : "", directory);
    free(here);
    return path;
}

int compose_load(uv_loop_t *loop, const char *file, const char *directory, compose_done_cb *on_done,
                 void *arg, struct compose_load **ret_load, struct err *err)
{
    /* A missing directory would look like a missing program. */
    if (directory != NULL && access(directory, X_OK) < 0)
        return err_sys(err, -errno, "entering %s", directory);
    char *absolute = absolute_directory(directory);
    if (file == NULL && !compose_in_sight(absolute)) {
        int code = no_compose_file(absolute, err);
        free(absolute);
        return code;
    }
    struct compose_load *load = mem_zalloc(sizeof *load);
    load->loop = loop;
    load->file = file != NULL ? path_as_word(file) : NULL;
    load->directory = absolute;
    load->on_done = on_done;
    load->arg = arg;
    int code = ask(load, err);
    if (code == -ENOENT) {
        load->standalone = true;
        code = ask(load, NULL);
        if (code == -ENOENT)
            code = err_set(err, ERR_PEER, "there is neither docker nor docker-compose in PATH");
    }
    if (code < 0) {
        load_free(load);
        return code;
    }
    *ret_load = load;
    return 0;
}

void compose_load_cancel(struct compose_load *load)
{
    process_capture_cancel(load->capture);
    load_free(load);
}
