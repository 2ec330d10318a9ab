#include "core/engine/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/mem.h"
#include "core/base/json.h"

#define DEFAULT_SOCKET "/var/run/docker.sock"
#define DEFAULT_HOST "unix://" DEFAULT_SOCKET
#define FILE_MAX_BYTES (1024 * 1024)
#define CONTEXTS_MAX 1000

/* NULL when it is unset or empty, as docker sees it. */
static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

char *endpoint_config_dir(void)
{
    const char *set = environment("DOCKER_CONFIG"), *home = environment("HOME");
    if (set != NULL)
        return mem_strdup(set);
    if (home == NULL) {
        const struct passwd *user = getpwuid(getuid());
        home = user != NULL ? user->pw_dir : "/";
    }
    return mem_printf("%s/.docker", home);
}

/* The user's own files: symlinks are followed, as docker does. */
cJSON *endpoint_read_json(const char *path)
{
    struct buf text = {0};
    struct stat about;
    char piece[8192];
    ssize_t got = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode))
        while (text.len < FILE_MAX_BYTES && (got = read(fd, piece, sizeof piece)) > 0)
            buf_append(&text, piece, (size_t)got);
    close(fd);
    cJSON *tree = got == 0 ? json_parse_object(text.data, text.len, path, NULL) : NULL;
    buf_done(&text);
    return tree;
}

/* The host of the context in contexts/meta/<dir>/meta.json; NULL when that is
 * another one. Fills err when it can't be read. */
static char *host_in_meta(const char *meta_dir, const char *dir, const char *context,
                          struct err *err)
{
    char *path = mem_printf("%s/%s/meta.json", meta_dir, dir), *host = NULL;
    errno = 0;
    cJSON *tree = endpoint_read_json(path);
    if (tree == NULL && errno != 0 && errno != ENOENT && errno != ENOTDIR)
        err_sys(err, -errno, "reading docker's contexts: %s", path);
    if (strcmp(json_string(tree, "Name", ""), context) == 0) {
        const cJSON *docker = json_get(json_get(tree, "Endpoints"), "docker");
        const char *said = json_string(docker, "Host", "");
        host = mem_strdup(said[0] != '\0' ? said : DEFAULT_HOST);
    }
    cJSON_Delete(tree);
    free(path);
    return host;
}

struct host_search {
    const char *meta_dir, *context;
    char *host;
    struct err *err;
};

static int look_for_host(void *arg, const char *name, enum fs_type type)
{
    struct host_search *search = arg;
    (void)type;
    if (name[0] != '.')
        search->host = host_in_meta(search->meta_dir, name, search->context, search->err);
    return search->host != NULL;
}

/* NULL: there is none, or (err) it could be in what can't be read. */
static char *host_of_context(const char *config, const char *context, struct err *err)
{
    char *meta_dir = mem_printf("%s/contexts/meta", config);
    struct host_search search = {.meta_dir = meta_dir, .context = context, .err = err};
    int code = fs_each_path(meta_dir, look_for_host, &search, NULL);
    if (code < 0 && code != -ENOENT)
        err_sys(err, code, "reading docker's contexts: %s", meta_dir);
    free(meta_dir);
    return search.host;
}

/* What the docker CLI would use when no context is asked for; the caller frees. */
static char *chosen_context(const char *config)
{
    if (environment("DOCKER_HOST") != NULL)
        return mem_strdup("default");
    if (environment("DOCKER_CONTEXT") != NULL)
        return mem_strdup(environment("DOCKER_CONTEXT"));
    char *path = mem_printf("%s/config.json", config);
    cJSON *tree = endpoint_read_json(path);
    const char *current = json_string(tree, "currentContext", "");
    char *context = mem_strdup(current[0] != '\0' ? current : "default");
    cJSON_Delete(tree);
    free(path);
    return context;
}

/* The path of "unix:///path"; NULL for other hosts. */
static char *socket_of(const char *host)
{
    if (strncmp(host, "unix://", 7) != 0)
        return NULL;
    return mem_strdup(host[7] != '\0' ? host + 7 : DEFAULT_SOCKET);
}

int endpoint_find(const char *context, struct endpoint *ret_endpoint, struct err *err)
{
    char *config = endpoint_config_dir(), *host;
    struct err unread = {0};
    char *name =
        context != NULL && context[0] != '\0' ? mem_strdup(context) : chosen_context(config);
    if (strcmp(name, "default") == 0) {
        const char *said = environment("DOCKER_HOST");
        host = mem_strdup(said != NULL ? said : DEFAULT_HOST);
    } else {
        host = host_of_context(config, name, &unread);
    }
    free(config);
    if (host == NULL && unread.code != 0) {
        free(name);
        return err_set(err, unread.code, "%s", unread.text);
    }
    if (host == NULL) {
        err_set(err, ERR_USAGE, "there is no docker context \"%s\": see docker context ls", name);
        free(name);
        return ERR_USAGE;
    }
    *ret_endpoint =
        (struct endpoint){.context = name, .host = host, .socket_path = socket_of(host)};
    return 0;
}

/* --------------------------------------------------------------------- list */

void docker_contexts_free(struct docker_context *contexts, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        free(contexts[i].name);
        free(contexts[i].host);
        free(contexts[i].description);
    }
    free(contexts);
}

struct context_list {
    const char *meta_dir;
    struct docker_context *items;
    size_t len, cap;
};

static void add_context(struct context_list *list, const char *name, const char *host,
                        const char *description)
{
    if (list->len == CONTEXTS_MAX)
        return;
    mem_reserve((void **)&list->items, &list->cap, list->len + 1, sizeof *list->items);
    list->items[list->len++] = (struct docker_context){
        .name = mem_strdup(name),
        .host = mem_strdup(host[0] != '\0' ? host : DEFAULT_HOST),
        .description = mem_strdup(description),
    };
}

static void read_context(struct context_list *list, const char *meta_dir, const char *dir)
{
    char *path = mem_printf("%s/%s/meta.json", meta_dir, dir);
    cJSON *tree = endpoint_read_json(path);
    const char *name = json_string(tree, "Name", "");
    if (name[0] != '\0' && strcmp(name, "default") != 0)
        add_context(list, name,
                    json_string(json_get(json_get(tree, "Endpoints"), "docker"), "Host", ""),
                    json_string(json_get(tree, "Metadata"), "Description", ""));
    cJSON_Delete(tree);
    free(path);
}

static int take_context(void *arg, const char *name, enum fs_type type)
{
    struct context_list *list = arg;
    (void)type;
    if (name[0] != '.')
        read_context(list, list->meta_dir, name);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct docker_context *)a)->name,
                  ((const struct docker_context *)b)->name);
}

void endpoint_contexts(const char *current, const char *docker_host,
                       struct docker_context **ret_contexts, size_t *ret_len)
{
    char *config = endpoint_config_dir(), *meta_dir = mem_printf("%s/contexts/meta", config);
    struct context_list list = {.meta_dir = meta_dir};
    const char *host = docker_host != NULL ? docker_host : environment("DOCKER_HOST");
    add_context(&list, "default", host != NULL ? host : "", "");
    fs_each_path(meta_dir, take_context, &list, NULL);
    if (list.len > 2)
        qsort(list.items + 1, list.len - 1, sizeof *list.items, by_name);
    for (size_t i = 0; i < list.len; i++)
        list.items[i].current = current != NULL && strcmp(current, list.items[i].name) == 0;
    free(meta_dir);
    free(config);
    *ret_contexts = list.items;
    *ret_len = list.len;
}

void endpoint_done(struct endpoint *endpoint)
{
    free(endpoint->context);
    free(endpoint->host);
    free(endpoint->socket_path);
    *endpoint = (struct endpoint){0};
}
