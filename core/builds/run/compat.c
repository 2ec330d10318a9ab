#include "core/builds/run/compat.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/process.h"
#include "core/base/text.h"
#include "core/builds/project/compose.h"

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
    /* From 5 on it leaves BuildKit to buildx, too, and builds without it. */
    if (tool->major >= 5 && facts->told_plugins && facts->buildx[0] == '\0')
        return "docker has no buildx (install docker-buildx)";
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
    char *path = original[0] == '/' || directory == NULL ? mem_strdup(original)
                                                         : mem_printf("%s/%s", directory, original);
    if (access(path, R_OK) < 0) {
        free(original);
        original = NULL;
    }
    free(path);
    return original;
}

/* Asks docker what it can do. */

#define OUTPUT_MAX_BYTES (4 * 1024 * 1024)
#define FILE_MAX_BYTES (64 * 1024)
/* It only helps to choose: a slow engine is no reason to keep a build waiting. */
#define DEADLINE_MS 3000

struct compat_probe {
    compat_done_cb *on_done;
    void *arg;
    struct compat_facts facts;
    struct process_capture *info, *version; /* until each has answered */
};

/* What `docker buildx use` has left: {"Key":…,"Name":"other"}. */
static bool other_builder_is_used(void)
{
    const char *config = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
    char *path = config != NULL ? mem_printf("%s/buildx/current", config)
                                : mem_printf("%s/.docker/buildx/current", home != NULL ? home : "");
    struct buf text = {0};
    bool used = false;
    if (fs_read_path(path, FILE_MAX_BYTES, &text, NULL) == 0 && text.len > 0) {
        cJSON *current = cJSON_ParseWithLength(text.data, text.len);
        const char *name = json_string(current, "Name", NULL);
        used = name != NULL && name[0] != '\0' && strcmp(name, "default") != 0;
        cJSON_Delete(current);
    }
    buf_done(&text);
    free(path);
    return used;
}

/* WSL 1 calls itself "4.4.0-…-Microsoft", WSL 2 "…-microsoft-standard-WSL2". */
static bool is_wsl1(void)
{
    char text[512] = "";
    int fd = open("/proc/version", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    return len > 0 && strstr(text, "-Microsoft") != NULL;
}

static int64_t free_bytes_of(const char *json, size_t len)
{
    cJSON *info = cJSON_ParseWithLength(json, len);
    const char *path = json_string(info, "DockerRootDir", NULL);
    struct fs_space space;
    int64_t free_bytes = -1;
    int fd;
    if (path != NULL && fs_open_root(path, &fd, NULL) == 0) {
        if (fs_space(fd, &space, NULL) == 0)
            free_bytes = space.free_bytes;
        close(fd);
    }
    cJSON_Delete(info);
    return free_bytes;
}

static void finish(struct compat_probe *probe)
{
    if (probe->info != NULL || probe->version != NULL)
        return;
    probe->on_done(probe->arg, &probe->facts);
    free(probe);
}

/* "1.45": what docker's client and the engine have agreed on. */
static void on_version(void *arg, const struct process_result *result, const struct err *err)
{
    struct compat_probe *probe = arg;
    probe->version = NULL;
    if (err == NULL && result->status == 0) {
        size_t len = strspn(result->out.data, "0123456789.");
        if (len > 0 && len < sizeof probe->facts.api && result->out.data[len] == '\n')
            snprintf(probe->facts.api, sizeof probe->facts.api, "%.*s", (int)len, result->out.data);
    }
    finish(probe);
}

static void on_info(void *arg, const struct process_result *result, const struct err *err)
{
    struct compat_probe *probe = arg;
    probe->info = NULL;
    if (err == NULL) {
        compat_read_info(&probe->facts, result->out.data, result->out.len);
        probe->facts.free_bytes = free_bytes_of(result->out.data, result->out.len);
    }
    finish(probe);
}

int compat_probe(uv_loop_t *loop, const char *builder, compat_done_cb *on_done, void *arg,
                 struct compat_probe **ret_probe, struct err *err)
{
    static const char *const ask_info[] = {"docker", "info", "--format", "{{json .}}", NULL};
    static const char *const ask_version[] = {"docker", "version", "--format",
                                              "{{.Server.APIVersion}}", NULL};
    const struct process_spec info = {.argv = ask_info, .deadline_ms = DEADLINE_MS};
    const struct process_spec version = {.argv = ask_version, .deadline_ms = DEADLINE_MS};
    struct compat_probe *probe = mem_zalloc(sizeof *probe);
    if (builder == NULL)
        builder = getenv("BUILDX_BUILDER");
    probe->on_done = on_done;
    probe->arg = arg;
    probe->facts.free_bytes = -1;
    probe->facts.wsl1 = is_wsl1();
    probe->facts.other_builder =
        builder != NULL ? strcmp(builder, "default") != 0 : other_builder_is_used();
    int code = process_capture(loop, &info, OUTPUT_MAX_BYTES, on_info, probe, &probe->info, err);
    if (code < 0) {
        free(probe);
        return code;
    }
    process_capture(loop, &version, OUTPUT_MAX_BYTES, on_version, probe, &probe->version, NULL);
    *ret_probe = probe;
    return 0;
}

void compat_probe_cancel(struct compat_probe *probe)
{
    if (probe->info != NULL)
        process_capture_cancel(probe->info);
    if (probe->version != NULL)
        process_capture_cancel(probe->version);
    free(probe);
}
