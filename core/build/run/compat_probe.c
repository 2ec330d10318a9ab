/* Asks docker what it can do. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fs.h"
#include "core/base/json.h"
#include "core/base/mem.h"
#include "core/base/process.h"
#include "core/build/run/compat.h"

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
            snprintf(probe->facts.api, sizeof probe->facts.api, "%.*s", (int)len,
                     result->out.data);
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
